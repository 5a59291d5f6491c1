import { createHash } from "node:crypto";
import type { Destination } from "@promferry/core/delivery";
import { createJournalWriter, openJournal } from "@promferry/core/journal";
import { createHttpPush } from "@promferry/http-push";
import { createRemoteWrite } from "@promferry/remote-write";
import { readLedger, upload } from "@promferry/uploader";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { readFrames } from "../frame-reader.ts";
import { createRandom, type Random } from "../random.ts";
import { type RealServer, realServers } from "../real-server.ts";
import { createDoubtfulStore } from "../simulation/doubtful-store.ts";
import { differenceOf, expectedSamples } from "../simulation/expected-samples.ts";
import { type ReceiverFault, startFaultServer, type TakenRequest } from "../simulation/fault-server.ts";
import { createProgram } from "../simulation/program.ts";
import { createVolatileFs } from "../simulation/volatile-fs.ts";

const DIR = "/journal";
const MINUTE_MS = 60_000;
const MAX_UPLOADS = 60;
const TIMEOUT_MS = 500;
const SLOW_MS = 700;
const STATUSES = [
  200, 201, 202, 204, 301, 302, 307, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429,
];
const SERVER_STATUSES = [500, 501, 502, 503, 504, 507, 599];
const PROTOCOLS = ["text", "json", "remote write 1.0", "remote write 2.0"] as const;

export const receiver: Fault = {
  name: "receiver",
  title:
    "receiver: dropped, delayed, duplicated, cut, every status, lying counts, down for a while; a real Prometheus and VictoriaMetrics behind the same faults, killed and restarted",
  unit: "runs",
  amounts: { long: 1000, short: 100, mutant: 80 },
  holds:
    "each sample at the receiver exactly once where its protocol allows; accepted + refused + unknown adds up",
  notShown: [
    "VictoriaMetrics under SIGKILL: it keeps what it has accepted in memory for some seconds, and says so. It is ended with SIGTERM and started again.",
  ],
  async run(context) {
    await eachCase(context, (index) => runOnce(context, index, undefined));
    for (const { name, start } of realServers()) {
      if (start === undefined) {
        const tell = process.env["CI"] === "true" ? context.breach : context.notShown;
        tell(`a real ${name}: it is not on this machine (node tools/servers.mjs fetches it)`);
        continue;
      }
      // One in twenty runs: each has a server of its own.
      const amount = Math.round(context.amount / 20);
      if (context.amount < 100) continue;
      await eachCase({ ...context, amount, first: 0 }, async (index) => {
        const server = await start();
        try {
          await runOnce(context, index, server);
          context.count(`runs with ${name}`);
        } finally {
          await server.stop();
        }
      });
    }
  },
};

async function runOnce(context: FaultContext, index: number, real: RealServer | undefined): Promise<void> {
  const random = createRandom(context.seed, "receiver", real?.name ?? "", index);
  const protocol = real === undefined ? random.pick(PROTOCOLS) : "remote write 1.0";
  const store = createDoubtfulStore();
  const refused = new Set<string>();
  const poison = random.chance(0.3) && real === undefined ? random.pick([20, 60]) : undefined;
  let faultsLeft = random.between(1, 14);
  let lies = 0;
  let last: ReceiverFault = { kind: "none" };

  const next = (samples: TakenRequest["samples"]): ReceiverFault => {
    last = { kind: "none" };
    const isPoison = (id: string) => poison !== undefined && hashOf(id) % poison === 0;
    const isPoisoned = samples.some(([id]) => isPoison(id));
    if (faultsLeft > 0 && random.chance(0.4)) {
      faultsLeft--;
      last = pickFault(random, protocol, real !== undefined);
    } else if (isPoisoned) last = { kind: "status", status: 400, takes: false };
    if (isPoisoned && takesIt(last)) last = { kind: "status", status: 400, takes: false };
    if (isPoisoned && last.kind === "status" && last.status === 400 && protocol === "remote write 2.0") {
      for (const [id] of samples) if (isPoison(id)) refused.add(id);
      last = { kind: "partial", refuses: isPoison };
    }
    if (last.kind === "lie" && /^0*$/.test(last.written)) lies += samples.length;
    const isRefusal = last.kind === "status" && last.status >= 400 && samples.length === 1;
    if (isRefusal) refused.add(samples[0]![0]);
    context.count(last.kind === "none" ? "requests without a fault" : "requests with a fault");
    return last;
  };
  const server = await startFaultServer({
    next,
    arrived: (samples) => store.arrive(samples),
    async take(request, isCertain) {
      const status = real === undefined ? 200 : await real.write(request);
      if (status < 300) store.take(request.samples, isCertain);
      const isLost =
        last.kind === "cut" || last.kind === "down" || (last.kind === "wait" && last.ms > TIMEOUT_MS);
      if (isLost) store.expectSame(request.samples);
      return status;
    },
  });
  try {
    const { fs, nowMs: beginMs, counted } = await writeJournal(random);
    let nowMs = beginMs;
    let downFor = 0;
    const sleep = async (ms: number) => {
      nowMs += Math.ceil(ms);
      if (real !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
      if (server.isDown && ++downFor > 2) {
        downFor = 0;
        await server.restart();
      }
    };
    const destination = createDestination(protocol, server.url, () => nowMs);
    let uploads = 0;
    for (let isDone = false; !isDone; ) {
      demand(++uploads <= MAX_UPLOADS, `not done after ${MAX_UPLOADS} uploads`);
      const report = await upload({
        journal: openJournal(DIR, { fs, now: () => nowMs }),
        targets: [{ destination, project: ({ name, labels }) => ({ name, labels }) }],
        fs,
        now: () => nowMs,
        sleep,
        random: () => random.next(),
        timeoutMs: 10_000,
      });
      const { failure } = report.destinations[0]!;
      demand(failure?.kind !== "internal", `the destination broke its contract: ${failure?.message}`);
      isDone = failure === undefined;
      if (random.chance(0.2) && real !== undefined) await real.restart();
      await server.restart();
      nowMs += MINUTE_MS;
    }
    store.check();
    const frames = readFrames(fs.files(DIR));
    demand(frames.length === counted.size, `${frames.length} frames of ${counted.size} are in the journal`);
    for (const { writtenMs, samples } of frames) {
      const difference = differenceOf(samples, counted.get(writtenMs) ?? new Map());
      demand(difference === undefined, `a frame is not what its program counted: ${difference}`);
    }
    const expected = expectedSamples(frames);
    const record = (await readLedger(DIR, fs)).destinations.get(destination.name)!;
    const { accepted, unknown } = record;
    const sum = accepted + record.refused + unknown;
    demand(
      sum === expected.size,
      `${accepted} accepted + ${record.refused} refused + ${unknown} unknown are ${sum}, not ${expected.size}`,
    );
    let missing = 0;
    for (const [id, value] of expected) {
      const stored = store.samples.get(id);
      if (stored === undefined) {
        missing++;
        demand(refused.has(id), `${id} is not at the receiver, which never refused it`);
      } else demand(stored === value, `${id} is ${stored} at the receiver, expected ${value}`);
    }
    const stored = expected.size - missing;
    demand(store.samples.size === stored, "there are samples at the receiver that nobody wrote");
    demand(accepted <= stored, `${accepted} are called accepted, ${stored} are at the receiver`);
    demand(
      stored - accepted <= unknown,
      `${stored} are at the receiver, ${accepted} accepted, ${unknown} unknown`,
    );
    demand(
      unknown <= lies + record.refused + refused.size,
      `${unknown} unknown, of which ${lies} were lied about`,
    );
    if (real !== undefined) await real.compare(store.samples);
    context.count("samples stored", stored);
    context.count("refused", record.refused);
    context.count("unknown", unknown);
    context.count("copies after a lost answer", store.copies);
    context.largest("uploads at most", uploads);
  } finally {
    await server.close();
  }
}

function takesIt(fault: ReceiverFault): boolean {
  if (fault.kind === "cut") return fault.at === "answer";
  return fault.kind !== "status" || fault.status < 300 || fault.takes;
}

function pickFault(random: Random, protocol: string, isReal: boolean): ReceiverFault {
  const kind = random.pick([
    "cut",
    "cut",
    "wait",
    "twice",
    "status",
    "status",
    "status",
    "lie",
    "down",
  ] as const);
  switch (kind) {
    case "cut":
      return { kind, at: random.pick(["headers", "answer"] as const) };
    case "wait":
      return { kind, ms: random.pick([1, 5, SLOW_MS]) };
    case "twice":
      return { kind };
    case "down":
      return { kind, takes: random.chance(0.5) };
    case "lie":
      if (protocol !== "remote write 2.0") return { kind: "none" };
      return { kind, written: random.pick(["0", "1", "999999", "x", "-5"]) };
    case "status": {
      const isServer = random.chance(0.4);
      const status = random.pick(isServer ? SERVER_STATUSES : STATUSES);
      const takes = isServer && random.chance(0.5);
      // A real receiver is asked only whether it goes on; what it refuses it says itself.
      if (isReal && (status === 400 || status === 409 || status === 410 || status === 422))
        return { kind: "none" };
      if (status !== 429 && status !== 503) return { kind, status, takes };
      return {
        kind,
        status,
        takes,
        retryAfter: random.pick(["1", "0", "Thu, 01 Jan 2026 00:00:00 GMT", "soon"]),
      };
    }
  }
}

function createDestination(
  protocol: (typeof PROTOCOLS)[number],
  url: string,
  now: () => number,
): Destination {
  const options = { name: "store", url, now, timeoutMs: TIMEOUT_MS };
  if (protocol === "text") return createHttpPush({ ...options, maxSamples: 30 });
  if (protocol === "json") return createHttpPush({ ...options, format: "json", maxSamples: 30 });
  return createRemoteWrite({
    ...options,
    protocol: protocol === "remote write 1.0" ? 1 : 2,
    limits: { maxSamples: 30 },
  });
}

/** Two programs that ran for some hours until a while ago, and what they had counted at the time of each frame. */
async function writeJournal(random: Random) {
  const counted = new Map<number, ReadonlyMap<string, number>>();
  let nowMs = Math.floor(Date.now() / MINUTE_MS - 400) * MINUTE_MS;
  const fs = createVolatileFs(() => nowMs);
  const programs = [0, 1].map(() => ({
    program: createProgram(random, { kinds: 3 }),
    writer: createJournalWriter({
      dir: DIR,
      origin: "app",
      consent: "config",
      info: { intervalMs: 30 * MINUTE_MS },
      dayBoundary: "utc",
      fs,
      now: () => nowMs,
      monotonicMs: () => nowMs,
      platform: "linux",
      randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => random.between(0, 255))),
    }),
  }));
  for (const { writer } of programs) {
    await writer.write({ kind: "start", families: [] });
    counted.set(nowMs++, new Map());
  }
  for (let i = 0; i < 8; i++) {
    nowMs += random.between(1, 45) * MINUTE_MS;
    const { program, writer } = random.pick(programs);
    program.work();
    await writer.write({ kind: "full", families: program.families() });
    counted.set(nowMs, program.state());
  }
  return { fs, nowMs: nowMs + MINUTE_MS, counted };
}

function hashOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32LE(0);
}
