import { createJournalWriter, dayOfFile, openJournal } from "@promferry/core/journal";
import { upload } from "@promferry/uploader";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { readFrames } from "../frame-reader.ts";
import { createRandom } from "../random.ts";
import { compressClosedDays } from "../simulation/compress-closed-days.ts";
import { differenceOf, expectedTotals } from "../simulation/expected-samples.ts";
import { createJournalWatch } from "../simulation/journal-watch.ts";
import { createProgram } from "../simulation/program.ts";
import { createMemoryDestination, createReceiverMemory } from "../simulation/receiver-memory.ts";
import { createVolatileFs } from "../simulation/volatile-fs.ts";

const DIR = "/journal";
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const EARLIEST_MS = Date.UTC(2020, 0, 1);
const LENGTH_MS = 7 * DAY_MS;

interface ClockCase {
  readonly name: string;
  readonly zone: string;
  /** The event. The machine runs for a day before it and for six after it. */
  readonly at: string;
  /** How far the wall clock is wrong, by hours since the event. */
  readonly wrongMs?: (hours: number) => number;
  /** The zone from the event on. */
  readonly zoneAfter?: string;
}

const during = (from: number, to: number, ms: number) => (hours: number) =>
  hours >= from && hours < to ? ms : 0;

const CASES: readonly ClockCase[] = [
  { name: "summer time begins", zone: "Europe/Berlin", at: "2031-03-30T01:00:00Z" },
  { name: "summer time ends", zone: "Europe/Berlin", at: "2031-10-26T01:00:00Z" },
  { name: "summer time ends by half an hour", zone: "Australia/Lord_Howe", at: "2031-04-05T15:00:00Z" },
  { name: "midnight", zone: "America/New_York", at: "2031-06-01T04:00:00Z" },
  { name: "leap day", zone: "UTC", at: "2032-02-29T00:00:00Z" },
  { name: "after a leap day", zone: "Asia/Kathmandu", at: "2032-02-29T18:15:00Z" },
  {
    name: "another zone",
    zone: "Pacific/Kiritimati",
    zoneAfter: "Pacific/Pago_Pago",
    at: "2031-06-01T12:00:00Z",
  },
  { name: "3 days ahead", zone: "UTC", at: "2031-06-01T12:00:00Z", wrongMs: during(0, 5, 3 * DAY_MS) },
  { name: "3 days behind", zone: "UTC", at: "2031-06-01T12:00:00Z", wrongMs: during(0, 5, -3 * DAY_MS) },
  {
    name: "ahead, then behind",
    zone: "Europe/Berlin",
    at: "2031-06-01T12:00:00Z",
    wrongMs: (hours) => (hours >= 0 && hours < 4 ? 3 * DAY_MS : hours >= 4 && hours < 8 ? -3 * DAY_MS : 0),
  },
  {
    name: "11 minutes ahead",
    zone: "UTC",
    at: "2031-06-01T12:00:00Z",
    wrongMs: during(0, 30, 11 * MINUTE_MS),
  },
  { name: "1970", zone: "UTC", at: "2031-06-01T12:00:00Z", wrongMs: during(0, 5, -Date.UTC(2031, 5, 1)) },
  { name: "beyond 2038", zone: "UTC", at: "2038-01-19T03:14:07Z" },
  { name: "the year 2100, which is no leap year", zone: "UTC", at: "2100-03-01T00:00:00Z" },
];

export const clock: Fault = {
  name: "clock",
  title: `clock: ${CASES.map(({ name }) => name).join("; ")}`,
  unit: "weeks",
  amounts: { long: CASES.length * 20, short: CASES.length, mutant: CASES.length },
  holds: "nothing overwritten, nothing deleted early, totals exact, frames dated by a wrong clock stay",
  async run(context) {
    const { TZ } = process.env;
    try {
      await eachCase(context, (index) => runWeek(context, index));
    } finally {
      if (TZ === undefined) delete process.env["TZ"];
      else process.env["TZ"] = TZ;
    }
  },
};

async function runWeek(context: FaultContext, index: number): Promise<void> {
  const random = createRandom(context.seed, "clock", index);
  const { name, zone, zoneAfter = zone, at, wrongMs = () => 0 } = CASES[index % CASES.length]!;
  const isPlain = CASES[index % CASES.length]!.wrongMs === undefined && zoneAfter === zone;
  const eventMs = Date.parse(at);
  const beginMs = eventMs - DAY_MS;
  let trueMs = beginMs;
  const wallMs = () => trueMs + wrongMs(Math.floor((trueMs - eventMs) / HOUR_MS));
  const fs = createVolatileFs(wallMs);
  const memory = createReceiverMemory();
  const watch = createJournalWatch(memory, true);
  const createWriter = () =>
    createJournalWriter({
      dir: DIR,
      origin: "app",
      consent: "config",
      info: { intervalMs: HOUR_MS },
      dayBoundary: "local",
      fs,
      now: wallMs,
      monotonicMs: () => trueMs,
      platform: "linux",
      randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => random.between(0, 255))),
    });
  const startProgram = async () => {
    const started = { program: createProgram(random), writer: createWriter() };
    await started.writer.write({ kind: "start", families: [] });
    return started;
  };
  const doUpload = async () => {
    const before = new Set(fs.files(DIR).keys());
    watch.look(fs.files(DIR), false);
    const options = { fs, now: wallMs };
    const report = await upload({
      journal: openJournal(DIR, options),
      targets: [
        { destination: createMemoryDestination(memory, undefined, 500), project: (series) => series },
      ],
      ...options,
      sleep: async () => {},
      cleanup: {},
    });
    demand(report.verdict === 0, `${name}: an upload ended with ${report.verdict}`);
    memory.settleLast();
    if (random.chance(0.5))
      context.count("days compressed", await compressClosedDays(openJournal(DIR, options)));
    const files = fs.files(DIR);
    for (const file of before) {
      const day = dayOfFile(file);
      if (files.has(file) || day === undefined) continue;
      const isEarly = isPlain && trueMs < Date.parse(`${day}T00:00:00Z`) + 2 * DAY_MS;
      demand(!isEarly, `${name}: ${file} is gone at ${new Date(trueMs).toISOString()}`);
    }
    context.count("days deleted", report.deleted.length);
    watch.look(files, false);
  };

  process.env["TZ"] = zone;
  const programs = [await startProgram(), await startProgram()];
  for (let nextUploadMs = beginMs; trueMs < beginMs + LENGTH_MS; ) {
    const isNear = Math.abs(trueMs - eventMs) < 8 * HOUR_MS;
    trueMs += random.between(1, isNear ? 12 : 200) * MINUTE_MS;
    process.env["TZ"] = trueMs < eventMs ? zone : zoneAfter;
    const which = random.between(0, 1);
    if (random.chance(0.05)) programs[which] = await startProgram();
    const { program, writer } = programs[which]!;
    program.work();
    const state = program.state();
    const result = await writer.write({ kind: "full", families: program.families() });
    watch.acknowledge(result, state);
    if (isPlain) {
      const local = new Intl.DateTimeFormat("sv", { timeZone: zone }).format(result.writtenMs);
      demand(result.file === `${local}.prom`, `${name}: ${result.file} holds a frame of ${local}`);
    }
    if (trueMs >= nextUploadMs) {
      trueMs += MINUTE_MS;
      await doUpload();
      nextUploadMs = trueMs + random.between(1, isNear ? 3 : 12) * HOUR_MS;
    }
  }
  // Also what was dated three days ahead is in the past by then.
  trueMs += 4 * DAY_MS;
  await doUpload();
  await doUpload();
  memory.check();
  const frames = watch.frames();
  const sent = frames.filter(({ writtenMs }) => writtenMs >= EARLIEST_MS);
  const difference = differenceOf(memory.totals(), expectedTotals(sent));
  demand(difference === undefined, `${name}: at the receiver ${difference}`);
  const stays = new Set(readFrames(fs.files(DIR)).map(({ session, seq }) => `${session} ${seq}`));
  for (const { session, seq, writtenMs } of frames) {
    const isHeld = writtenMs < EARLIEST_MS;
    demand(
      !isHeld || stays.has(`${session} ${seq}`),
      `${name}: frame ${seq} of ${session}, dated 1970, is gone`,
    );
  }
  for (const id of memory.samples.keys()) {
    demand(Number(id.slice(id.lastIndexOf("@") + 1)) >= EARLIEST_MS, `${name}: ${id} was sent`);
  }
  context.count("frames", frames.length);
  context.count("frames held", frames.length - sent.length);
}
