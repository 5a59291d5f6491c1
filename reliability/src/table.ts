import type { Fault } from "./fault.ts";
import type { MutantRecord, RowRecord, RunFacts, RunRecord } from "./record.ts";

/** The page that runs leave: each row as it was run last. */
export function writeTable(
  faults: readonly Fault[],
  mutantNames: readonly string[],
  record: RunRecord,
): string {
  const mutants = mutantNames.map((name) => ({ name, ...record.mutants[name] }));
  const rows = faults.map((fault) => ({ fault, row: record.rows[fault.name] }));
  const found = mutants.filter(({ breach }) => breach !== undefined).length;
  const runs = [...Object.values(record.rows), ...Object.values(record.mutants)];
  const notShown = rows.flatMap(({ fault, row }) => [...(fault.notShown ?? []), ...(row?.notShown ?? [])]);
  return `# What was shown under faults

Written by \`npm run reliability\` from \`reliability.json\`; not to be edited. A later run with the same seed does the same, but
for where the operating system's own timing decides. Each row says when, with which sources and seed, and how much of it was run;
a commit with a plus sign had been changed since.

${distinct(runs, "machine")}
${distinct(runs, "servers")}

| fault | run | long form | must hold | result | figures | time | date, commit, seed |
|---|---|---|---|---|---|---|---|
${rows.map(({ fault, row }) => rowLine(fault, row)).join("\n")}

**The suite itself**: ${found} of ${mutants.length} bugs of one line were found, each put into a copy of the sources. They stand in
\`reliability/mutants/table.ts\`.

| bug | found by | as | date, commit, seed |
|---|---|---|---|
${mutants.map(mutantLine).join("\n")}

## Not shown

${notShown.map((what) => `- ${what}\n`).join("")}`;
}

function rowLine(fault: Fault, row: RowRecord | undefined): string {
  const { title, unit, amounts, holds } = fault;
  const long = amounts.long.toLocaleString("en");
  if (row === undefined) return `| ${title} | | ${long} | ${holds} | **not run yet** | | | |`;
  const shown = Object.entries(row.figures).map(([name, value]) => `${value.toLocaleString("en")} ${name}`);
  const result = row.breaches[0] === undefined ? "held" : `**broken**: ${cell(row.breaches[0])}`;
  const run = `${row.amount.toLocaleString("en")} ${unit}`;
  return `| ${title} | ${run} | ${long} | ${holds} | ${result} | ${shown.join(", ")} | ${row.seconds} s | ${when(row)} |`;
}

function mutantLine({ name, ...record }: { name: string } & Partial<MutantRecord>): string {
  const { fault = "", breach, date } = record;
  if (date === undefined) return `| ${name} | | **not run yet** | |`;
  return `| ${name} | ${fault} | ${breach === undefined ? "**not found**" : cell(breach)} | ${when(record as MutantRecord)} |`;
}

function when({ date, commit, seed }: RunFacts): string {
  return `${date}, ${commit}, \`${seed}\``;
}

function distinct(runs: readonly RunFacts[], fact: "machine" | "servers"): string {
  const all = [...new Set(runs.map((run) => run[fact]))].sort();
  return `${fact === "machine" ? "Machine" : "Servers"}: ${all.join("; ")}.${fact === "machine" ? "\\" : ""}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
