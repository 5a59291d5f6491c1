/**
 * Runs every comparison and prints ratios; rates are for the eye only. `--rounds N` (default 5) is how often
 * each program of the whole-process cases runs; `--write` puts the table into README.md. Needs a build of core,
 * since the whole-process cases measure what is published.
 */

import { parseArgs } from "node:util";
import type { Comparison } from "./case.ts";
import { encodeRequest } from "./cases/remote-write.ts";
import { parsePage, parsePages } from "./cases/text-format.ts";
import { parsePageFiles } from "./cases/whole-process.ts";
import { measure } from "./measure.ts";
import { type Row, table, writeTable } from "./table.ts";
import { median } from "./whole-process.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, write: { type: "boolean", default: false } },
});

const comparisons: readonly Comparison[] = [parsePage, parsePages, encodeRequest];
const rows: Row[] = [];

for (const { name, ours, peers } of comparisons) {
  const rates = measure({ ours, ...peers });
  const own = rates["ours"] ?? Number.NaN;
  for (const peer of Object.keys(peers)) {
    const ratio = own / (rates[peer] ?? Number.NaN);
    const raw = `${rate(own)} against ${rate(rates[peer] ?? Number.NaN)}`;
    rows.push({ name, ours: "in process", peer, ratio, raw });
  }
}

const peer = "parse-prometheus-text-format";
for (const [name, { [peer]: others = [], ...own }] of Object.entries(
  parsePageFiles(Number(options.rounds)),
)) {
  for (const [ours, costs] of Object.entries(own)) {
    const ratio = median(others.map(({ cpuMs }) => cpuMs)) / median(costs.map(({ cpuMs }) => cpuMs));
    const list = (all: typeof costs): string => all.map(({ cpuMs }) => cpuMs.toFixed(0)).join(" ");
    const peak = (all: typeof costs): string => Math.max(...all.map(({ peakMb }) => peakMb)).toFixed(0);
    const raw = `${list(costs)} ms CPU, ${peak(costs)} MiB against ${list(others)} ms, ${peak(others)} MiB`;
    rows.push({ name, ours, peer, ratio, raw });
  }
}

console.log(table(rows));
if (options.write) writeTable(rows);

function rate(perSecond: number): string {
  return `${(perSecond / 1e6).toFixed(2)} M/s`;
}
