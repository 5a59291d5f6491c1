/**
 * Runs the faults and prints their figures.
 *
 * Usage: `npm run reliability -- [--short] [--mutants] [--scale N] [--seed TEXT] [--only NAME …] [--amount N|NAME=N …] [--first N]`.
 * Without any of `--short`, `--mutants`, `--only`, everything runs in its long form, the mutants as well. `--only` names faults or,
 * with `--mutants`, mutants' faults; `--scale` takes a part of the long form's amounts. What was run goes to docs/reliability.json,
 * each row by itself, and the page docs/reliability.md is written from it. Trials do not: `--short`, `--amount`, which takes another
 * amount, and `--first`, the number of the case to begin with, for looking at a breach again. Exit 1 on any breach.
 */
import { rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { mutants } from "../mutants/table.ts";
import { BUNDLES_VARIABLE, bundleChildren } from "./bundle-children.ts";
import { faults } from "./faults/index.ts";
import { recordResults, runFacts, writePage } from "./record.ts";
import { type FaultResult, runFault } from "./run-fault.ts";
import { checkPlaces, type MutantResult, runMutants } from "./run-mutants.ts";
import { writeTable } from "./table.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    mutant: { type: "boolean", default: false },
    scale: { type: "string", default: "1" },
    amount: { type: "string", multiple: true, default: [] },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true },
    first: { type: "string", default: "0" },
  },
});
const { short, mutant, seed, only, scale } = values;
const form = mutant ? "mutant" : short ? "short" : "long";
const isChosen = (name: string) => only === undefined || only.includes(name);
const isWhole = !short && !mutant && !values.mutants && only === undefined;

const records = !short && !mutant && values.amount.length === 0 && values.first === "0";

const facts = await runFacts(seed);

async function record(ran: readonly FaultResult[], tried: readonly MutantResult[]): Promise<void> {
  const names = mutants.map(({ name }) => name);
  await writePage(writeTable(faults, names, await recordResults(facts, ran, tried)));
}

const amounts = new Map(
  values.amount.map((each) => {
    const [name = "", amount] = each.split("=");
    return amount === undefined ? (["", Number(name)] as const) : ([name, Number(amount)] as const);
  }),
);

// Cheap, and in CI: a change that takes a bug's place away is told where it is made.
if (short) await checkPlaces();
const results: FaultResult[] = [];
const bundles = await bundleChildren();
process.env[BUNDLES_VARIABLE] = bundles;
for (const fault of values.mutants ? [] : faults.filter(({ name }) => isChosen(name))) {
  // A share of the bytes or of the calls stays whole: they are few enough.
  const part = fault.unit.startsWith("%") ? 1 : Number(scale);
  const scaled = Math.max(1, Math.round(fault.amounts[form] * part));
  const amount = amounts.get(fault.name) ?? amounts.get("") ?? scaled;
  const result = await runFault(fault, { seed, amount, first: Number(values.first) });
  results.push(result);
  const figures = [...result.figures].map(([name, value]) => `, ${value} ${name}`).join("");
  const verdict = result.breaches.length === 0 ? "ok" : "BROKEN";
  console.log(
    `${fault.name} ${verdict}: ${amount} ${fault.unit}${figures} (${(result.tookMs / 1000).toFixed(1)} s)`,
  );
  for (const what of result.notShown) console.log(`  not shown: ${what}`);
  for (const what of result.breaches) console.log(`  breach: ${what}`);
  if (records) await record([result], []);
}
await rm(bundles, { recursive: true, force: true });
let mutantResults: MutantResult[] = [];
if (values.mutants || isWhole) {
  mutantResults = await runMutants(
    ({ fault }) => isChosen(fault),
    seed,
    (line) => console.log(line),
  );
  const found = mutantResults.filter(({ breach }) => breach !== undefined).length;
  console.log(`mutants: ${found} of ${mutantResults.length} found`);
}
if (records && mutantResults.length > 0) await record([], mutantResults);
const isBroken =
  results.some(({ breaches }) => breaches.length > 0) ||
  mutantResults.some(({ breach }) => breach === undefined) ||
  results.length + mutantResults.length === 0;
process.exitCode = isBroken ? 1 : 0;
