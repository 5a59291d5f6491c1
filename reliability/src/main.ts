/**
 * Runs the faults and prints their figures.
 *
 * Usage: `npm run reliability -- [--short] [--scale N] [--seed TEXT] [--only FAULT …] [--first N] [--mutants]`.
 * Exit 1 on any breach. A run of everything that is not `--short` writes docs/reliability.md.
 */
import { parseArgs } from "node:util";
import { faults } from "./faults/index.ts";
import { runFault } from "./run-fault.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    mutant: { type: "boolean", default: false },
    scale: { type: "string", default: "1" },
    amount: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true },
    first: { type: "string", default: "0" },
  },
});
const form = values.mutant ? "mutant" : values.short ? "short" : "long";
const chosen = faults.filter(({ name }) => values.only === undefined || values.only.includes(name));
let isBroken = chosen.length === 0;
for (const fault of chosen) {
  const amount = Number(values.amount ?? Math.max(1, Math.round(fault.amounts[form] * Number(values.scale))));
  const result = await runFault(fault, { seed: values.seed, amount, first: Number(values.first) });
  const figures = [...result.figures].map(([name, value]) => `${value} ${name}`).join(", ");
  console.log(
    `${fault.name} ${result.breaches.length === 0 ? "ok" : "BROKEN"}: ${amount} ${fault.unit}, ${figures} (${(result.tookMs / 1000).toFixed(1)} s)`,
  );
  for (const what of result.notShown) console.log(`  not shown: ${what}`);
  for (const what of result.breaches) console.log(`  breach: ${what}`);
  isBroken ||= result.breaches.length > 0;
}
process.exitCode = isBroken ? 1 : 0;
