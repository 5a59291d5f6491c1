import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Collector, createCollector } from "@promferry/collector";
import { counter, defineMetrics, gauge } from "@promferry/core";
import { createJournalWriter, JournalError, type JournalFs, openJournal } from "@promferry/core/journal";
import { LedgerError, UploadBusyError, type UploadFs, upload } from "@promferry/uploader";
import { Breach, demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { type ReadFrame, readFrames } from "../frame-reader.ts";
import { createRandom, type Random } from "../random.ts";
import { compressClosedDays } from "../simulation/compress-closed-days.ts";
import { differenceOf, expectedSamples } from "../simulation/expected-samples.ts";
import { type FsCall, hookFs } from "../simulation/hooked-fs.ts";
import { createJournalWatch } from "../simulation/journal-watch.ts";
import { createProgram } from "../simulation/program.ts";
import { createMemoryDestination, createReceiverMemory } from "../simulation/receiver-memory.ts";
import { createVolatileFs } from "../simulation/volatile-fs.ts";

const DIR = "/journal";
const BEGIN_MS = Date.UTC(2031, 2, 5, 22);
const MINUTE_MS = 60_000;
const FLUSHES = 6;
/** `short`: half of the bytes are written, which is no error to the caller. */
const FAILURES = ["ENOSPC", "EIO", "EROFS", "EMFILE", "EACCES", "short"] as const;

export const errors: Fault = {
  name: "errors",
  title:
    "ENOSPC, EIO, EROFS, EMFILE, EACCES and short writes at every call, for one call or for some; a real full tmpfs",
  unit: "% of the calls",
  amounts: { long: 100, short: 15, mutant: 25 },
  holds: "host program unaffected, counted, recovers by itself",
  run,
};

/** Which calls fail, and how. */
interface Failing {
  readonly code: (typeof FAILURES)[number];
  readonly first: number;
  readonly length: number;
}

type Scenario = (failing: Failing, random: Random, context: FaultContext) => Promise<number>;

async function run(context: FaultContext): Promise<void> {
  const step = Math.max(1, Math.round(100 / context.amount));
  for (const [name, scenario] of Object.entries({ host, upload: uploading } satisfies Record<
    string,
    Scenario
  >)) {
    const never = { code: "EIO", first: Number.POSITIVE_INFINITY, length: 1 } as const;
    const calls = await scenario(never, createRandom(context.seed, name), context);
    const amount = Math.ceil((calls * FAILURES.length) / step);
    await eachCase({ ...context, amount }, async (index) => {
      const random = createRandom(context.seed, name, "failure", index);
      const at = index * step + random.between(0, step - 1);
      const failing = {
        code: FAILURES[at % FAILURES.length]!,
        first: 1 + (Math.floor(at / FAILURES.length) % calls),
        length: random.pick([1, 1, 3, 12]),
      };
      try {
        await scenario(failing, createRandom(context.seed, name), context);
      } catch (error) {
        const { code, first, length } = failing;
        const text = error instanceof Breach ? error.message : error instanceof Error ? error.stack : error;
        throw new Breach(`${name}, ${code} at call ${first} for ${length} calls: ${text}`);
      }
      context.count(`calls failed in the ${name}`);
    });
  }
  await eachCase({ ...context, amount: 1 }, async () => fullDisk(context));
}

/** Calls that a system refuses for this reason; the others pass. */
const REFUSED: Readonly<Record<Exclude<Failing["code"], "short">, ReadonlySet<string> | "all">> = {
  ENOSPC: new Set(["open", "open new", "append", "sync", "mkdir", "rename"]),
  EIO: "all",
  EROFS: new Set(["open", "open new", "mkdir", "rename", "unlink"]),
  EMFILE: new Set(["open", "open new", "open to read", "readdir", "sync directory"]),
  // What may not be read belongs to somebody else, and not for a moment: that is no fault but a setting.
  EACCES: new Set(["open", "open new", "readdir", "mkdir", "rename", "unlink", "stat"]),
};

/** A file system that fails where it is told to; says how many calls there were. */
function failingFs(
  fs: UploadFs,
  { code, first, length }: Failing,
): { fs: UploadFs; calls: () => number; isOver: () => boolean } {
  let calls = 0;
  const isDue = ({ n }: FsCall) => n >= first && n < first + length;
  return {
    fs: hookFs(fs, {
      before(call) {
        calls = Math.max(calls, call.n);
        if (code === "short" || !isDue(call)) return;
        const refused = REFUSED[code];
        if (refused !== "all" && !refused.has(call.name)) return;
        throw Object.assign(new Error(`${code}: ${call.name} ${call.path}`), { code });
      },
      cut: (call, bytes) => (code === "short" && isDue(call) ? bytes.length >> 1 : bytes.length),
    }),
    calls: () => calls,
    isOver: () => calls >= first + length - 1,
  };
}

/** A program that counts and flushes while its disk fails. */
async function host(failing: Failing, random: Random, context: FaultContext): Promise<number> {
  let nowMs = BEGIN_MS;
  const disk = createVolatileFs(() => nowMs);
  const { fs, calls, isOver } = failingFs(disk, failing);
  const metrics = createMetrics();
  const told: Error[] = [];
  const collector = createCollector({
    ...collectorOptions(metrics, DIR, fs),
    now: () => nowMs,
    monotonicMs: () => nowMs,
    schedule: () => () => {},
    random: () => random.next(),
    onError: (error) => told.push(error),
  });
  const promised = new Map<string, Map<string, number>>();
  let counted = 0;
  await collector.start();
  for (let i = 1; i <= FLUSHES; i++) {
    nowMs += 40 * MINUTE_MS;
    counted += metrics.count(random);
    const wasOver = isOver();
    const { failed } = collector.status();
    const result = await collector.flush();
    if (result !== undefined) promised.set(`${result.session} ${result.seq}`, metrics.state());
    else demand(collector.status().failed > failed, `flush ${i} failed and was not counted`);
    demand(result !== undefined || !wasOver, `flush ${i} failed though the disk works again`);
  }
  nowMs += 40 * MINUTE_MS;
  counted += metrics.count(random);
  const wasOver = isOver();
  const { failed } = collector.status();
  // Either as a program that closes in good order, or as one whose process ends.
  if ((failing.first + failing.length) % 2 === 0) await collector.stop();
  else process.emit("exit", 0);
  const status = collector.status();
  demand(!wasOver || status.failed === failed, "the exit frame failed though the disk works again");
  demand(status.failed === told.length, `${status.failed} failures, of which ${told.length} were told`);
  const frames = readFrames(disk.files(DIR));
  checkPromised(frames, promised);
  const last = frames.at(-1);
  const shown = [...(last?.samples ?? [])].filter(([series]) => series.startsWith("app_events_total"));
  const total = shown.reduce((sum, [, value]) => sum + value, 0);
  demand(!wasOver || total === counted, `${counted} events, the journal has ${total}`);
  const memory = createReceiverMemory();
  nowMs += MINUTE_MS;
  await upload({
    journal: openJournal(DIR, { fs: disk, now: () => nowMs }),
    targets: [{ destination: createMemoryDestination(memory), project: (series) => series }],
    fs: disk,
    now: () => nowMs,
  });
  const sent = [...memory.totals()].filter(([series]) => series.startsWith("app_events_total"));
  const sum = sent.reduce((all, [, value]) => all + value, 0);
  demand(!wasOver || sum === counted, `${counted} events, the receiver has ${sum}`);
  context.count("frames written", status.written);
  context.count("failures counted", status.failed);
  return calls();
}

/** An upload, a clean-up and a compression while their disk fails; then once more on one that works. */
async function uploading(failing: Failing, random: Random, context: FaultContext): Promise<number> {
  let nowMs = BEGIN_MS;
  const disk = createVolatileFs(() => nowMs);
  const memory = createReceiverMemory();
  const watch = createJournalWatch(memory);
  const writer = createJournalWriter({
    dir: DIR,
    session: "aaaaaaaa",
    origin: "app",
    consent: "config",
    info: { intervalMs: 30 * MINUTE_MS },
    dayBoundary: "utc",
    fs: disk,
    now: () => nowMs,
    monotonicMs: () => nowMs,
    platform: "linux",
  });
  const program = createProgram(random);
  await writer.write({ kind: "start", families: [] });
  for (let i = 0; i < 6; i++) {
    nowMs += i === 3 ? 2880 * MINUTE_MS : 20 * MINUTE_MS;
    program.work();
    const state = program.state();
    watch.acknowledge(await writer.write({ kind: "full", families: program.families() }), state);
  }
  nowMs += MINUTE_MS;
  const { fs, calls } = failingFs(disk, failing);
  let pid = 0;
  const attempt = async (on: UploadFs) => {
    const self = ++pid;
    watch.look(disk.files(DIR), false);
    const report = await upload({
      journal: openJournal(DIR, { fs: on, now: () => nowMs }),
      targets: [
        { destination: createMemoryDestination(memory), project: ({ name, labels }) => ({ name, labels }) },
      ],
      fs: on,
      now: () => nowMs,
      sleep: async () => {},
      processes: {
        self: async () => ({ pid: self, start: "", boot: "boot", host: "here", pidNamespace: "" }),
        startOf: async (other) => (other === self ? "" : undefined),
      },
      cleanup: {},
    });
    await compressClosedDays(openJournal(DIR, { fs: on, now: () => nowMs }));
    return report;
  };
  for (let i = 0; i < 2; i++) {
    try {
      const report = await attempt(fs);
      const { failure } = report.destinations[0]!;
      if (failure !== undefined) {
        const isLocal = failure.kind === "local" || failure.kind === "configuration";
        demand(isLocal, `a local failure is called ${failure.kind}: ${failure.message}`);
        context.count("failures counted");
      }
    } catch (error) {
      const isTold = error instanceof LedgerError || error instanceof JournalError;
      if (!isTold && !(error instanceof UploadBusyError)) throw error;
      context.count("failures counted");
    }
  }
  // The process that was uploading is over; where its lock names nobody it counts for two minutes.
  nowMs += 3 * MINUTE_MS;
  const report = await attempt(disk);
  demand(report.verdict === 0, `on a disk that works again the upload ends with ${report.verdict}`);
  memory.check();
  watch.look(disk.files(DIR), false);
  const difference = differenceOf(memory.samples, expectedSamples(watch.frames()));
  demand(difference === undefined, `at the receiver ${difference}`);
  return calls();
}

/** A collector on a tmpfs of 64 KiB that fills up and is emptied again. */
async function fullDisk(context: FaultContext): Promise<void> {
  const mountPoint = mkdtempSync(join(tmpdir(), "promferry-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mountPoint], { stdio: "ignore" });
  } catch {
    rmSync(mountPoint, { recursive: true });
    context.notShown(
      "ENOSPC on a real full disk: this user may not mount a tmpfs; shown at the file-system seam only",
    );
    return;
  }
  try {
    const dir = join(mountPoint, "journal");
    mkdirSync(dir);
    writeFileSync(join(mountPoint, "ballast"), Buffer.alloc(36 * 1024));
    const random = createRandom(context.seed, "full disk");
    const metrics = createMetrics();
    const collector = createCollector(collectorOptions(metrics, dir));
    await collector.start();
    const promised = new Map<string, Map<string, number>>();
    const flush = async (collecting: Collector) => {
      metrics.count(random);
      const result = await collecting.flush();
      if (result !== undefined) promised.set(`${result.session} ${result.seq}`, metrics.state());
      return result !== undefined;
    };
    let written = 0;
    while (await flush(collector)) demand(written++ < 1000, "the disk never gets full");
    for (let i = 0; i < 3; i++) demand(!(await flush(collector)), "a full disk takes a frame");
    const { failed, lastError } = collector.status();
    demand(failed >= 4, "failures on a full disk are not counted");
    demand(
      (lastError as JournalError).code === "ERR_JOURNAL_NO_SPACE",
      `a full disk is called ${lastError?.message}`,
    );
    rmSync(join(mountPoint, "ballast"));
    demand(await flush(collector), "no frame is written though there is room again");
    await collector.stop();
    const files = new Map(
      readdirSync(dir, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => [name, readFileSync(join(dir, name))]),
    );
    checkPromised(readFrames(files), promised);
    context.count("frames on a tmpfs that filled up", promised.size);
  } finally {
    execFileSync("umount", [mountPoint]);
    rmSync(mountPoint, { recursive: true });
  }
}

function checkPromised(
  frames: readonly ReadFrame[],
  promised: ReadonlyMap<string, ReadonlyMap<string, number>>,
): void {
  const byKey = new Map(frames.map((frame) => [`${frame.session} ${frame.seq}`, frame]));
  for (const [key, state] of promised) {
    const frame = byKey.get(key);
    demand(frame !== undefined, `frame ${key} was acknowledged and is nowhere`);
    for (const [series, value] of state) {
      demand(
        frame.samples.get(series) === value,
        `${key}: ${series} is ${frame.samples.get(series)}, not ${value}`,
      );
    }
  }
}

function collectorOptions(metrics: ReturnType<typeof createMetrics>, dir: string, fs?: JournalFs) {
  return {
    catalogue: metrics.metrics,
    dir,
    app: "app",
    consent: { config: { enabled: true } },
    env: {},
    dayBoundary: "utc",
    ...(fs === undefined ? {} : { fs }),
  } as const;
}

function createMetrics() {
  const KINDS = ["a", "b", "c"] as const;
  const metrics = defineMetrics(
    { namespace: "app" },
    {
      events: counter({ name: "events_total", help: "Events.", labels: { kind: KINDS } }),
      level: gauge({ name: "level", help: "A level." }),
    },
  );
  const state = new Map<string, number>();
  return {
    metrics,
    /** Counts some events; how many. */
    count(random: Random): number {
      const kind = random.pick(KINDS);
      const by = random.between(1, 9);
      metrics.events.inc({ kind }, by);
      metrics.level.set(by);
      const series = `app_events_total{kind="${kind}"}`;
      state.set(series, (state.get(series) ?? 0) + by);
      state.set("app_level", by);
      return by;
    },
    /** What the journal has to hold for it. */
    state: () => new Map(state),
  };
}
