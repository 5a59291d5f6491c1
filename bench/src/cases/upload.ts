import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../measure.ts";
import { type BenchJournal, writeJournals } from "../pages/journals.ts";
import type { Row } from "../table.ts";

const VMAGENT = fileURLToPath(new URL("../../../.cache/servers/bin/vmagent", import.meta.url));
const program = (name: string) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
const LIMIT_MS = 300_000;

/** What one way from file to receiver cost. */
interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly bytes: number;
  readonly peakMb: number;
}

/** What a process says of itself. */
type OwnCost = Pick<Cost, "cpuMs" | "peakMb">;

/** At most so much of vmagent's: 0.7 of its CPU time and 0.5 of its time on k1, a third of its bytes … */
const targets: Readonly<Record<BenchJournal["name"], Readonly<Partial<Record<keyof Cost, number>>>>> = {
  k1: { cpuMs: 1 / 0.7, wallMs: 2, bytes: 3, peakMb: 1 / 1.6 },
  hc: { cpuMs: 1 / 0.8, wallMs: 2 },
};
const told: Readonly<Record<keyof Cost, string>> = {
  cpuMs: "CPU time",
  wallMs: "time",
  bytes: "bytes sent",
  peakMb: "peak memory",
};

const units: Readonly<Record<keyof Cost, string>> = {
  cpuMs: "s a million",
  wallMs: "s a million",
  bytes: "kB a million",
  peakMb: "MiB",
};
const EVERYTHING = ["cpuMs", "wallMs", "bytes", "peakMb"] as const;

/** Day files to a receiver that drops everything: our upload against vmagent, to which the same files are posted. */
export async function uploadJournals(
  rounds: number,
  isChosen: (each: { readonly name: string }) => boolean,
): Promise<Row[]> {
  if (!existsSync(VMAGENT)) {
    console.error("upload: no vmagent here; `node tools/servers.mjs` fetches it");
    return [];
  }
  const dir = mkdtempSync(join(tmpdir(), "promferry-bench-"));
  const receiver = spawn(process.execPath, [program("null-receiver.mjs")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const [port] = await once(receiver.stdout);
    const url = `http://127.0.0.1:${port}`;
    const rows: Row[] = [];
    for (const journal of writeJournals(dir)) {
      const name = `upload/${journal.name}`;
      if (!isChosen({ name })) continue;
      const ours: Cost[] = [];
      const reads: OwnCost[] = [];
      const theirs: Cost[] = [];
      for (let round = 0; round < rounds; round++) {
        ours.push(await withBytes(url, () => upload(journal, url)));
        reads.push(await run<OwnCost>("read-journal.mjs", journal.dir));
        theirs.push(await withBytes(url, () => feedVmagent(journal, url, dir)));
      }
      for (const what of EVERYTHING) rows.push(rowOf(journal, what, "upload", ours, theirs));
      for (const what of ["cpuMs", "peakMb"] as const)
        rows.push(rowOf(journal, what, "reading alone", reads, theirs));
    }
    return rows;
  } finally {
    receiver.stdin.end();
    rmSync(dir, { recursive: true });
  }
}

function rowOf<What extends keyof Cost>(
  { name, sampleCount }: BenchJournal,
  what: What,
  way: "upload" | "reading alone",
  ours: readonly Pick<Cost, What>[],
  theirs: readonly Pick<Cost, What>[],
): Row {
  const scale = what === "peakMb" ? 1 : 1e3 * (sampleCount / 1e6);
  const list = (costs: readonly Pick<Cost, What>[]) =>
    costs.map((cost) => (cost[what] / scale).toFixed(2)).join(" ");
  return {
    name: `upload/${name} ${told[what]}`,
    ours: way,
    peer: "vmagent",
    ratio: median(theirs.map((cost, round) => cost[what] / (ours[round]?.[what] ?? Number.NaN))),
    target: way === "upload" ? round2(targets[name][what]) : undefined,
    raw: `${list(ours)} ${units[what]} against ${list(theirs)}`,
  };
}

function round2(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 100) / 100;
}

async function withBytes(url: string, work: () => Promise<Omit<Cost, "bytes">>): Promise<Cost> {
  const before = await received(url);
  const cost = await work();
  return { ...cost, bytes: (await received(url)) - before };
}

async function received(url: string): Promise<number> {
  return ((await (await fetch(url)).json()) as { bytes: number }).bytes;
}

/** From the start of the process to its end. */
async function upload({ dir, sampleCount }: BenchJournal, url: string): Promise<Omit<Cost, "bytes">> {
  for (const name of [".uploaded", ".totals"]) rmSync(join(dir, name), { force: true });
  const startedMs = performance.now();
  const said = await run<OwnCost & { readonly samples: number; readonly failure?: object }>(
    "upload-journal.mjs",
    dir,
    `${url}/`,
  );
  const wallMs = performance.now() - startedMs;
  const { samples, failure, cpuMs, peakMb } = said;
  if (failure || samples < sampleCount) throw new Error(`our upload ended with ${JSON.stringify(said)}`);
  return { cpuMs, wallMs, peakMb };
}

/** What a program of ours says at its end, started as a schedule of the CLI starts one. */
async function run<Said>(name: string, ...args: readonly string[]): Promise<Said> {
  const argv = ["--max-semi-space-size=8", program(name), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  return JSON.parse(stdout) as Said;
}

/** From the first post to the last answer; the time that it takes to start is not counted, its CPU time is. */
async function feedVmagent(journal: BenchJournal, url: string, dir: string): Promise<Omit<Cost, "bytes">> {
  const own = `http://127.0.0.1:${await freePort()}`;
  const data = mkdtempSync(join(dir, "vmagent-"));
  const vmagent = spawn(
    VMAGENT,
    [
      `-httpListenAddr=${own.slice("http://".length)}`,
      `-remoteWrite.url=${url}/`,
      `-remoteWrite.tmpDataPath=${data}`,
      // The protocol that every receiver takes, and samples in order.
      "-remoteWrite.forcePromProto",
      "-remoteWrite.queues=1",
      "-loggerLevel=ERROR",
    ],
    { stdio: "ignore" },
  );
  try {
    await until(async () => (await fetch(`${own}/health`).catch(() => undefined))?.ok ?? false);
    const startedMs = performance.now();
    for (const file of journal.files) {
      const body = readFileSync(file);
      const { status } = await fetch(`${own}/api/v1/import/prometheus`, { method: "POST", body });
      if (status !== 204) throw new Error(`vmagent answered with ${status}`);
    }
    await until(async () => {
      const page = await (await fetch(`${own}/metrics`)).text();
      const rows = sumOf(page, "vmagent_remotewrite_block_size_rows_sum");
      return rows >= journal.sampleCount && sumOf(page, "vmagent_remotewrite_pending_data_bytes") === 0;
    });
    const wallMs = performance.now() - startedMs;
    return { wallMs, ...processCost(vmagent.pid!) };
  } finally {
    vmagent.kill();
  }
}

/** As the kernel counts it: CPU time in ticks of ten milliseconds. */
function processCost(pid: number): { cpuMs: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, peakMb: Number(peak) / 1024 };
}

function sumOf(page: string, name: string): number {
  const lines = page.split("\n").filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`vmagent was not done after ${LIMIT_MS} ms`);
    await delay(20);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function once(stream: NodeJS.ReadableStream): Promise<string[]> {
  for await (const line of createInterface({ input: stream })) return [line];
  return [];
}
