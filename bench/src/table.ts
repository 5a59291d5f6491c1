import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg } from "node:os";

/** One case against one peer. */
export interface Row {
  readonly name: string;
  /** How ours ran. */
  readonly ours: string;
  readonly peer: string;
  /** Above 1: ours takes less. */
  readonly ratio: number;
  /** What the ratio has to be at least, where that was promised. */
  readonly target?: number | undefined;
  /** What the ratio is made of. */
  readonly raw: string;
}

const README = new URL("../README.md", import.meta.url);
const PEERS = ["parse-prometheus-text-format", "prometheus-remote-write", "protobufjs", "snappy"];

export function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ name, ours, peer, ratio, target, raw }) =>
      `| \`${name}\` | ${ours} | ${peer} | **${ratio.toFixed(2)}** | ${target ?? ""} | ${raw} |`,
  );
  return ["| case | ours | peer | ratio | promised | raw runs |", "|---|---|---|---|---|---|", ...lines].join(
    "\n",
  );
}

/** Puts the table of the comparisons into README.md. */
export function writeTable(rows: readonly Row[]): void {
  const versions = PEERS.map((name) => `${name} ${versionOf(name)}`).join(", ");
  writeBetween("results", table(rows), ` Seeds 1 (k1) and 2 (hc). Peers: ${versions}.`);
}

/** Puts a table between the marks of this name in README.md, with the circumstances under which it was measured. */
export function writeBetween(mark: string, content: string, more = ""): void {
  const between = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*(<!-- /${mark} -->)`);
  const text = readFileSync(README, "utf8").replace(
    between,
    (_, begin: string, end: string) => `${begin}\n${circumstances()}${more}\n\n${content}\n\n${end}`,
  );
  writeFileSync(README, text);
}

/** The ratios of the table in README.md, by case, way and peer. */
export function readTable(): ReadonlyMap<string, number> {
  const row = /^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| \*\*([\d.]+)\*\* \|/gm;
  const text = readFileSync(README, "utf8");
  return new Map(
    Array.from(text.matchAll(row), ([, name = "", ours = "", peer = "", ratio]) => [
      rowKey({ name, ours, peer }),
      Number(ratio),
    ]),
  );
}

export function rowKey({ name, ours, peer }: Pick<Row, "name" | "ours" | "peer">): string {
  return [name, ours, peer].join(" | ");
}

function circumstances(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const load = loadavg()[0]?.toFixed(1);
  return `Commit ${commit}, Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model}), load at the end ${load}.`;
}

function versionOf(name: string): string {
  const main = createRequire(import.meta.url).resolve(name);
  const manifest = `${main.slice(0, main.lastIndexOf(`node_modules/${name}/`))}node_modules/${name}/package.json`;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
