import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";

/** One case against one peer. */
export interface Row {
  readonly name: string;
  /** How ours ran. */
  readonly ours: string;
  readonly peer: string;
  /** Above 1: ours is faster, or takes less CPU time. */
  readonly ratio: number;
  /** What the ratio is made of. */
  readonly raw: string;
}

export function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ name, ours, peer, ratio, raw }) =>
      `| \`${name}\` | ${ours} | ${peer} | **${ratio.toFixed(2)}** | ${raw} |`,
  );
  return ["| case | ours | peer | ratio | raw runs |", "|---|---|---|---|---|", ...lines].join("\n");
}

/** Puts the table between the marks in README.md, with the circumstances under which it was measured. */
export function writeTable(rows: readonly Row[]): void {
  const path = new URL("../README.md", import.meta.url);
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const load = loadavg()[0]?.toFixed(1);
  const circumstances = `Commit ${commit}, Node ${process.version}, ${cpus().length} cores, load at the end ${load}.`;
  const text = readFileSync(path, "utf8").replace(
    /(<!-- results -->\n)[\s\S]*(<!-- \/results -->)/,
    (_, begin: string, end: string) => `${begin}\n${circumstances}\n\n${table(rows)}\n\n${end}`,
  );
  writeFileSync(path, text);
}
