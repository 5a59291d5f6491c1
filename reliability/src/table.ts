import { arch, cpus, release, type as systemType, totalmem } from "node:os";
import { serverVersions } from "../../tools/servers.mjs";
import type { FaultResult } from "./run-fault.ts";
import type { MutantResult } from "./run-mutants.ts";

export interface TableContent {
  readonly seed: string;
  readonly results: readonly FaultResult[];
  readonly mutants: readonly MutantResult[];
}

/** The page that a whole run leaves. */
export async function writeTable({ seed, results, mutants }: TableContent): Promise<string> {
  const versions = await serverVersions();
  const [cpu] = cpus();
  const machine = `${systemType()} ${release().split("-")[0]}, ${arch()}, ${cpus().length} × ${cpu?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
  const servers = ["prometheus", "victoria-metrics"].map((name) => `${name} ${versions[name] ?? "absent"}`);
  const found = mutants.filter(({ breach }) => breach !== undefined).length;
  const notShown = results.flatMap((result) => result.notShown);
  return `# What was shown under faults

Written by \`npm run reliability\`; not to be edited. A later run with the same seed does the same, but for where the
operating system's own timing decides.

| | |
|---|---|
| date | ${new Date().toISOString().slice(0, 10)} |
| seed | \`${seed}\` |
| machine | ${machine} |
| servers | ${servers.join(", ")} |

| fault | run | long form | must hold | result | figures | time |
|---|---|---|---|---|---|---|
${results.map(rowOf).join("\n")}

**The suite itself**: ${found} of ${mutants.length} bugs of one line were found, each put into a copy of the sources. They stand in
\`reliability/mutants/table.ts\`.

| bug | found by | as |
|---|---|---|
${mutants.map(({ mutant, breach }) => `| ${mutant.name} | ${mutant.fault} | ${breach === undefined ? "**not found**" : cell(breach.slice(0, 140))} |`).join("\n")}

## Not shown

- A power cut of a disk. A file system in memory loses what was not synced, more strictly than a real one; a real ext4 in an image is shut
  down without writing back, which spares it what a disk's own cache would lose.
- \`forget\` under SIGKILL, and the agent beside uploaders: neither is built.
- VictoriaMetrics under SIGKILL: it keeps what it has accepted in memory for some seconds, and says so. It is ended with SIGTERM and started again.
- \`EACCES\` on a day file that another upload could read. Such a file is taken for another user's, for good; what it holds shows in later
  totals once it can be read.
${notShown.map((what) => `- ${what}\n`).join("")}`;
}

function rowOf({ fault, amount, figures, breaches, tookMs }: FaultResult): string {
  const shown = [...figures].map(([name, value]) => `${value.toLocaleString("en")} ${name}`).join(", ");
  const result = breaches.length === 0 ? "held" : `**broken**: ${cell(breaches[0]!.slice(0, 200))}`;
  const run = `${amount.toLocaleString("en")} ${fault.unit}`;
  const long = fault.amounts.long.toLocaleString("en");
  return `| ${fault.title} | ${run} | ${long} | ${fault.holds} | ${result} | ${shown} | ${Math.round(tookMs / 1000)} s |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
