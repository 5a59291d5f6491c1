/** Runs every comparison and prints ratios; rates are for the eye only. */

import type { Comparison } from "./case.ts";
import { encodeRequest } from "./cases/remote-write.ts";
import { parsePage } from "./cases/text-format.ts";
import { measure } from "./measure.ts";

const comparisons: readonly Comparison[] = [parsePage, encodeRequest];

for (const { name, ours, peers } of comparisons) {
  const rates = measure({ ours, ...peers });
  const own = rates["ours"] ?? Number.NaN;
  console.log(`${name}: ${Math.round(own).toLocaleString("en")} ops/s`);
  for (const peer of Object.keys(peers)) {
    const ratio = own / (rates[peer] ?? Number.NaN);
    console.log(`  ${ratio.toFixed(2)} × ${peer}`);
  }
}
