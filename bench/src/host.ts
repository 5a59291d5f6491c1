/**
 * What a collector costs its host: `pnpm --filter bench host [--write]`. Each figure comes from processes of their own, on what is
 * published: build core, privacy and collector first. `--write` puts the table into README.md. Exit 1 where a limit is not held.
 *
 * Times are those of the host's thread at work, so that other programs on the machine stretch them as little as can be: what a
 * thread waits for a core is not the collector's. Clock times stand beside them.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "./measure.ts";
import { writeBetween } from "./table.ts";

interface Time {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** One line of the table. */
interface Line {
  readonly what: string;
  readonly figure: string;
  readonly limit: string;
  readonly holds: boolean;
  readonly beside: string;
}

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "30" }, write: { type: "boolean", default: false } },
});
const rounds = Number(options.rounds);
const folder = mkdtempSync(join(tmpdir(), "promferry-host-"));
try {
  const lines = [...incLines(), flushLine(), exitLine(), importLine(), idleLine(), aliveLine()];
  const table = [
    "| what | figure | limit | holds | beside it |",
    "|---|---|---|---|---|",
    ...lines.map(
      ({ what, figure, limit, holds, beside }) =>
        `| ${what} | **${figure}** | ${limit} | ${holds ? "yes" : "**no**"} | ${beside} |`,
    ),
  ].join("\n");
  console.log(table);
  if (options.write) writeBetween("host", table);
  if (lines.some(({ holds }) => !holds)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

function run<T>(program: string, args: readonly string[] = [], flags: readonly string[] = []): T {
  const path = fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [...flags, path, ...args], { encoding: "utf8" })) as T;
}

/** A folder that no run before has used. */
function fresh(): string {
  return mkdtempSync(join(folder, "run-"));
}

function timesOf(program: string, count: number): Time[] {
  return Array.from({ length: count }, () => run<Time[]>(program, [fresh()])).flat();
}

function incLines(): Line[] {
  type Found = Readonly<Record<string, readonly (readonly [ours: number, peer: number])[]>>;
  const runs = Array.from({ length: 5 }, () => run<Found>("host-inc"));
  return Object.keys(runs[0]!).map((name) => {
    const both = runs.flatMap((each) => each[name]!);
    const ratio = median(both.map(([ours, peer]) => ours / peer));
    const own = median(both.map(([ours]) => ours));
    const peer = median(both.map(([, other]) => other));
    return {
      what: `\`inc()\` ${name}, over prom-client's own`,
      figure: `${(100 * (ratio - 1)).toFixed(0)} %`,
      limit: "< 10 %",
      holds: ratio < 1.1,
      beside: `${own.toFixed(0)} ns against ${peer.toFixed(0)} ns a call`,
    };
  });
}

function flushLine(): Line {
  const perProcess = Array.from({ length: 5 }, () => run<Time[]>("host-flush", [fresh()]));
  const warm = perProcess.flatMap((times) => times.slice(10)).map(({ cpuMs }) => cpuMs);
  const first = perProcess.map(([time]) => time!.cpuMs);
  const most = quantile(warm, 0.99);
  return {
    what: "flush of 2,000 series, whole time of the host's thread, p99",
    figure: ms(most),
    limit: "< 10 ms",
    holds: most < 10,
    beside: `median ${ms(median(warm))}; the first of a process ${ms(median(first))}`,
  };
}

function exitLine(): Line {
  const times = timesOf("host-exit", rounds * 4);
  const most = quantile(
    times.map(({ cpuMs }) => cpuMs),
    0.99,
  );
  return {
    what: `exit frame of 2,000 series, its program's first frame with samples, p99 of ${times.length}`,
    figure: ms(most),
    limit: "< 50 ms",
    holds: most < 50,
    beside: `median ${ms(median(times.map(({ cpuMs }) => cpuMs)))}; by the clock ${clock(times)}`,
  };
}

function importLine(): Line {
  const times = timesOf("host-import", rounds);
  const usual = median(times.map(({ cpuMs }) => cpuMs));
  return {
    what: "import of the collector by a program that has its catalogue (`@promferry/core`) already, median",
    figure: ms(usual),
    limit: "< 15 ms",
    holds: usual < 15,
    beside: `least ${ms(Math.min(...times.map(({ cpuMs }) => cpuMs)))}; by the clock ${clock(times)}`,
  };
}

function idleLine(): Line {
  const memory = (kind: string) =>
    Array.from({ length: 7 }, () =>
      run<{ heap: number; rss: number }>("host-idle", [fresh(), kind], ["--expose-gc"]),
    );
  const [idle, bare] = [memory("with"), memory("without")];
  const more = (of: "heap" | "rss") =>
    (median(idle.map((m) => m[of])) - median(bare.map((m) => m[of]))) / 2 ** 20;
  return {
    what: "memory in use of an idle host with 2,000 series, after three frames",
    figure: `${more("heap").toFixed(1)} MiB`,
    limit: "< 5 MB",
    holds: more("heap") < 5e6 / 2 ** 20,
    beside: `resident ${more("rss").toFixed(0)} MiB more: code, and room that the heap has grown to`,
  };
}

function aliveLine(): Line {
  const times = timesOf("host-alive", 5);
  const longest = Math.max(...times.map(({ wallMs }) => wallMs));
  return {
    what: "life of the process after its last work, no timer holding it",
    figure: ms(longest),
    limit: "< 1 s",
    holds: longest < 1000,
    beside: "frames each minute, and the folder looked after",
  };
}

function clock(times: readonly Time[]): string {
  const walls = times.map(({ wallMs }) => wallMs);
  return `median ${ms(median(walls))}, p99 ${ms(quantile(walls, 0.99))}`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
