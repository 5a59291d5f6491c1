import { appendFile, mkdir, readdir, readFile, rename, truncate } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { createJournalWriter, openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { asItIs, createReceiver, NOON, type Receiver } from "../test/harness.ts";
import { createShipBed, type ShipBed } from "../test/ship-bed.ts";
import { nodeUploadFs, readLedger, type Shipper, startShipper, UploadBusyError, upload } from "./index.ts";
import { acquireLock } from "./lock.ts";

const down = { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "nothing listens there") };
const lost = { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut off", { inDoubt: true }) };

/** Names and values in the order in which they came. */
const valuesOf = ({ samples }: Receiver) => samples.map((line) => line.slice(0, line.indexOf("@")));

const until = (check: () => unknown) => expect.poll(check, { timeout: 10_000, interval: 5 });

async function scrapeTen(bed: ShipBed, session = "aaaaaaaa", from = 0): Promise<string[]> {
  const written: string[] = [];
  for (let i = from; i < from + 10; i++) {
    await bed.scrape(session, { up: i, same: 7 });
    written.push(`up ${i}`, "same 7");
  }
  return written;
}

async function drain(shipper: Shipper): Promise<void> {
  await shipper.stop(AbortSignal.timeout(10_000));
}

test("frames are sent as they come, each once, and segments that are settled go but for the newest", async (context) => {
  const bed = await createShipBed(context);
  const receiver = createReceiver();
  const first = await scrapeTen(bed);
  const shipper = bed.ship([receiver]);
  await until(() => receiver.samples.length).toBe(20);
  const second = await scrapeTen(bed, "aaaaaaaa", 10);
  shipper.wake();
  await until(() => receiver.samples.length).toBe(40);
  expect(valuesOf(receiver).sort()).toEqual([...first, ...second].sort());
  await until(() => bed.segments()).toHaveLength(1);
  await until(async () => (await shipper.status()).destinations).toEqual([
    {
      name: "store",
      accepted: 40,
      refused: 0,
      unknown: 0,
      lostFrames: 0,
      backlogBytes: 0,
      oldestUnsentMs: undefined,
      failure: undefined,
    },
  ]);
  await drain(shipper);
  const ledger = await readLedger(bed.dir, nodeUploadFs);
  expect([...ledger.files.keys()]).toEqual(await bed.segments());
  expect(bed.events).toEqual([]);
});

test("what a receiver lacks stays, while another one gets everything; it comes when the receiver is back", async (context) => {
  const bed = await createShipBed(context);
  let isDown = true;
  const here = createReceiver({ name: "here" });
  const away = createReceiver({ name: "away", answer: () => (isDown ? down : "take") });
  const shipper = bed.ship([here, away]);
  const written = await scrapeTen(bed);
  const before = await bed.segments();
  await until(() => here.samples.length).toBe(20);
  await until(async () => (await shipper.status()).destinations[1]).toMatchObject({
    failure: "nothing listens there",
    accepted: 0,
    oldestUnsentMs: expect.any(Number),
  });
  await until(async () => (await shipper.status()).destinations[0]).toMatchObject({
    backlogBytes: 0,
    failure: undefined,
  });
  expect(await bed.segments()).toEqual(before);
  isDown = false;
  await until(() => away.samples.length).toBe(20);
  expect(valuesOf(away).sort()).toEqual(written.sort());
  await until(() => bed.segments()).toHaveLength(1);
  expect(bed.events.map(({ kind }) => kind)).toEqual(["failing", "recovered"]);
});

for (const { maxSamples, accepted, inDoubt } of [
  { maxSamples: 4, accepted: 12, inDoubt: 4 },
  // A scrape has two samples: the four of a segment go out by series, three of one, then its last one.
  { maxSamples: 3, accepted: 7, inDoubt: 1 },
])
  test(`a process that dies leaves nothing out and sends nothing again but a request in doubt, byte for byte; ${maxSamples} samples each`, async (context) => {
    const bed = await createShipBed(context);
    const written = await scrapeTen(bed);
    const receiver = createReceiver({
      maxSamples,
      answer: (n) => (n === 4 ? { ...lost, takes: true } : "take"),
    });
    const dying = bed.ship([receiver], {
      processes: {
        self: async () => ({ pid: 1, start: "1", boot: "b", host: "h", pidNamespace: "n" }),
        startOf: async () => undefined,
      },
      // The fourth answer is lost, and then the process is gone: no retry, no ledger.
      sleep: (_, signal) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
    });
    await until(() => receiver.bodies.length).toBe(4);
    const ledger = await readLedger(bed.dir, nodeUploadFs);
    expect(ledger.destinations.get("store")).toMatchObject({ accepted, next: { inDoubt: true } });
    await dying.stop(AbortSignal.abort());
    const next = bed.ship([receiver]);
    await until(() => receiver.samples.length).toBe(20 + inDoubt);
    await drain(next);
    expect(receiver.bodies[4]).toBe(receiver.bodies[3]);
    const once = new Set(receiver.samples);
    expect(receiver.samples.length - once.size).toBe(inDoubt);
    expect(
      valuesOf(receiver)
        .filter((_, i) => i < accepted || i >= accepted + inDoubt)
        .sort(),
    ).toEqual(written.sort());
  });

test("stopped again and again in a backlog, it still sends every sample once", async (context) => {
  const bed = await createShipBed(context);
  const receiver = createReceiver({ maxSamples: 4 });
  const written: string[] = [];
  for (const session of ["aaaaaaaa", "bbbbbbbb", "cccccccc"])
    written.push(...(await scrapeTen(bed, session)));
  while (receiver.samples.length < 60) {
    const before = receiver.samples.length;
    const shipper = bed.ship([receiver], { lingerMs: 0 });
    await until(() => receiver.samples.length).toBeGreaterThan(before);
    await shipper.stop(AbortSignal.abort());
  }
  expect(new Set(receiver.samples).size).toBeLessThan(61);
  expect(valuesOf(receiver).sort()).toEqual(written.sort());
  expect((await bed.segments()).length).toBeLessThan(4);
});

test("a restart beside a destination that lags sends the other one nothing again", async (context) => {
  const bed = await createShipBed(context, 600);
  const here = createReceiver({ name: "here" });
  const away = createReceiver({ name: "away", answer: () => down });
  const first = bed.ship([here, away]);
  for (let i = 0; i < 3; i++) await scrapeTen(bed, "aaaaaaaa", i * 10);
  await until(() => here.samples.length).toBe(60);
  await drain(first);
  const back = createReceiver({ name: "away" });
  const second = bed.ship([here, back], { lingerMs: 0 });
  await until(() => back.samples.length).toBe(60);
  await until(() => bed.segments()).toHaveLength(1);
  await drain(second);
  expect(here.samples).toHaveLength(60);
  expect(back.samples).toHaveLength(60);
});

test("samples with times of their own are not sent again after their segment is gone", async (context) => {
  const bed = await createShipBed(context, 400);
  const receiver = createReceiver();
  const shipper = bed.ship([receiver], { lingerMs: 0 });
  for (let i = 0; i < 6; i++) {
    await bed.scrape("aaaaaaaa", { own: 1 }, { timestampMs: NOON - 5000 });
    await bed.scrape("bbbbbbbb", { up: i });
    shipper.wake();
    await until(() => valuesOf(receiver)).toContain(`up ${i}`);
  }
  await until(() => bed.segments()).toHaveLength(1);
  await drain(shipper);
  expect(valuesOf(receiver).filter((each) => each === "own 1")).toHaveLength(1);
  const restarted = bed.ship([receiver]);
  await bed.scrape("aaaaaaaa", { own: 1, up: 9 }, { timestampMs: NOON - 5000 });
  await until(() => valuesOf(receiver)).toContain("up 9");
  await drain(restarted);
  expect(valuesOf(receiver).filter((each) => each === "own 1")).toHaveLength(1);
});

test("above maxBytes the oldest segments go, and what is lost is counted and told", async (context) => {
  const bed = await createShipBed(context);
  let isDown = true;
  const here = createReceiver({ name: "here" });
  const away = createReceiver({ name: "away", answer: () => (isDown ? down : "take") });
  const before = bed.ship([here, away]);
  for (let i = 0; i < 4; i++) await scrapeTen(bed, "aaaaaaaa", i * 10);
  await until(() => here.samples.length).toBe(80);
  await drain(before);
  const shipper = bed.ship([here, away], { maxBytes: 4_000 });
  await until(async () => (await shipper.status()).queueBytes).toBeLessThan(4_000);
  isDown = false;
  await until(async () => (await shipper.status()).destinations[1]?.backlogBytes).toBe(0);
  const { destinations } = await shipper.status();
  expect(destinations[0]).toMatchObject({ accepted: 80, lostFrames: 0 });
  const { accepted, lostFrames, unknown } = destinations[1]!;
  expect(lostFrames).toBeGreaterThan(10);
  expect(accepted + 2 * lostFrames).toBe(80);
  expect(unknown).toBe(0);
  const told = bed.events.flatMap((event) => (event.kind === "lost" ? [event] : []));
  expect(told.reduce((sum, { frames }) => sum + frames, 0)).toBe(lostFrames);
  expect(new Set(told.map(({ destination }) => destination))).toEqual(new Set(["away"]));
  await drain(shipper);
});

test("what a receiver refuses for its settings is told, and tried again slowly", async (context) => {
  const bed = await createShipBed(context);
  const refuse = {
    error: new DeliveryError("ERR_DELIVERY_UNAUTHORIZED", "answered with 401", { status: 401 }),
  };
  const times: number[] = [];
  const receiver = createReceiver({
    answer: (n) => {
      times.push(bed.now());
      return n < 3 ? refuse : "take";
    },
  });
  const shipper = bed.ship([receiver]);
  await scrapeTen(bed);
  await until(() => receiver.samples.length).toBe(20);
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(60_000);
  expect(bed.events).toEqual([
    { kind: "failing", destination: "store", message: "answered with 401", hint: undefined },
    { kind: "recovered", destination: "store", afterMs: expect.any(Number) },
  ]);
  await drain(shipper);
});

test("what is refused for good is counted, told, and kept with the receiver's words", async (context) => {
  const bed = await createShipBed(context);
  const never = { error: new DeliveryError("ERR_DELIVERY_REJECTED", "too old", { status: 400 }) };
  const receiver = createReceiver({ answer: (_, __, body) => (body.includes("same") ? never : "take") });
  const shipper = bed.ship([receiver]);
  await bed.scrape("aaaaaaaa", { up: 1, same: 7 });
  await until(async () => (await shipper.status()).destinations[0]).toMatchObject({
    accepted: 1,
    refused: 1,
  });
  await drain(shipper);
  expect(bed.events).toEqual([{ kind: "refused", destination: "store", samples: 1, reason: "too old" }]);
  expect(await readFile(join(bed.dir, "rejected", "2025-10-06-store.jsonl"), "utf8")).toContain("too old");
});

test("a stop ends at once where the receiver is away, and the next start sends what was kept", async (context) => {
  const bed = await createShipBed(context);
  let isDown = true;
  const receiver = createReceiver({ answer: () => (isDown ? down : "take") });
  const shipper = bed.ship([receiver]);
  await scrapeTen(bed);
  await until(async () => (await shipper.status()).destinations[0]?.failure).toBeDefined();
  const never = new AbortController();
  await shipper.stop(never.signal);
  isDown = false;
  await drain(bed.ship([receiver]));
  expect(receiver.samples).toHaveLength(20);
});

test("other targets take over without a gap, and nothing is sent twice", async (context) => {
  const bed = await createShipBed(context);
  const first = createReceiver();
  const shipper = bed.ship([first]);
  await scrapeTen(bed);
  await until(() => first.samples.length).toBe(20);
  const again = createReceiver();
  const added = createReceiver({ name: "added" });
  await shipper.retarget([again, added].map((destination) => ({ destination, project: asItIs })));
  await scrapeTen(bed, "aaaaaaaa", 10);
  shipper.wake();
  await until(() => again.samples.length).toBe(20);
  await until(() => valuesOf(added)).toContain("up 19");
  await drain(shipper);
});

test("while another process uploads nothing is sent, and then all of it", async (context) => {
  const bed = await createShipBed(context);
  const held = await acquireLock({
    dir: bed.dir,
    fs: nodeUploadFs,
    now: bed.now,
    sleep: async () => {},
  });
  const receiver = createReceiver();
  const shipper = bed.ship([receiver]);
  await scrapeTen(bed);
  await until(() => bed.events).toEqual([
    { kind: "busy", message: expect.stringContaining(String(process.pid)) },
  ]);
  expect(await shipper.status()).toMatchObject({ isActive: false });
  expect(receiver.samples).toEqual([]);
  await held.release();
  await until(() => receiver.samples.length).toBe(20);
  const journal = openJournal(bed.dir);
  await expect(
    upload({ journal, now: bed.now, targets: [{ destination: receiver, project: asItIs }] }),
  ).rejects.toThrow(UploadBusyError);
  await drain(shipper);
});

test("a torn frame costs nothing else, is told once, and lies in quarantine when its segment is gone", async (context) => {
  const bed = await createShipBed(context);
  await bed.scrape("aaaaaaaa", { up: 1 });
  const file = await bed.scrape("aaaaaaaa", { up: 2 });
  const path = join(bed.dir, file);
  const { length } = await readFile(path);
  await truncate(path, length - 20);
  await scrapeTen(bed, "bbbbbbbb");
  const receivers = [createReceiver({ name: "one" }), createReceiver({ name: "two" })];
  const shipper = bed.ship(receivers);
  await until(() => receivers.map(({ samples }) => samples.length)).toEqual([21, 21]);
  await until(() => bed.segments()).toHaveLength(1);
  await drain(shipper);
  expect(bed.events).toEqual([expect.objectContaining({ kind: "damaged", file })]);
  expect(await readdir(join(bed.dir, "quarantine"))).toHaveLength(2);
});

test("data that a receiver only fails on is passed over once its segment is out of the folder", async (context) => {
  const bed = await createShipBed(context, 100_000);
  await bed.scrape("aaaaaaaa", { up: 1 });
  const bug = { status: 500, inDoubt: true };
  const broken = { error: new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 500", bug) };
  const receiver = createReceiver({
    answer: (_, { series }) =>
      series.some(({ series: { labels } }) => labels.some(({ value }) => value === "aaaaaaaa"))
        ? broken
        : "take",
  });
  bed.ship([receiver]);
  const advice = () => bed.events.find((event) => event.kind === "note")?.message ?? "";
  await until(advice).toMatch(/ fails on every sample .* nothing was given up/);
  const [, file = ""] = / move (\S+) out of the folder/.exec(advice()) ?? [];
  await rename(join(bed.dir, file), join(bed.dir, `${file}.away`));
  await bed.scrape("bbbbbbbb", { up: 2 });
  await until(() => valuesOf(receiver)).toEqual(["up 2"]);
});

test("folders that are called like a segment and a day file hold nothing up", async (context) => {
  const bed = await createShipBed(context);
  for (const name of ["2025-10-06.0000.prom", "2025-10-06.prom"]) await mkdir(join(bed.dir, name));
  const receiver = createReceiver();
  const written = await scrapeTen(bed);
  const shipper = bed.ship([receiver]);
  await until(() => receiver.samples.length).toBe(20);
  await drain(shipper);
  expect(valuesOf(receiver).sort()).toEqual(written.sort());
  expect(bed.events).toEqual([]);
});

test("a segment that grows after it was passed is read again", async (context) => {
  const bed = await createShipBed(context, 300);
  let isDown = true;
  const here = createReceiver({ name: "here" });
  const away = createReceiver({ name: "away", answer: () => (isDown ? down : "take") });
  const shipper = bed.ship([here, away], { lingerMs: 0 });
  const early = await bed.scrape("aaaaaaaa", { up: 1 });
  await bed.scrape("aaaaaaaa", { up: 2 });
  await until(() => valuesOf(here)).toEqual(["up 1", "up 2"]);
  const other = await createShipBed(context);
  const foreign = await other.scrape("dddddddd", { late: 5 });
  await appendFile(join(bed.dir, early), await readFile(join(other.dir, foreign)));
  await until(() => valuesOf(here)).toEqual(["up 1", "up 2", "late 5"]);
  isDown = false;
  await until(() => valuesOf(away).sort()).toEqual(["late 5", "up 1", "up 2"]);
  await drain(shipper);
});

test("a program's own day file in the directory is sent too, as totals and after its settle delay", async (context) => {
  const bed = await createShipBed(context);
  const receiver = createReceiver();
  const shipper = bed.ship([receiver]);
  const info = { startedMs: bed.now(), intervalMs: 60_000 };
  const common = { dir: bed.dir, session: "eeeeeeee", origin: "app", consent: "config", info } as const;
  const writer = createJournalWriter({
    ...common,
    dayBoundary: "utc",
    now: bed.now,
    monotonicMs: () => bed.now(),
  });
  await writer.write({ kind: "start", families: [] });
  for (let i = 1; i <= 3; i++) {
    const series = [{ name: "jobs_total", labels: [] }];
    const jobs = { name: "jobs_total", type: "counter", help: "", unit: "", series } as const;
    await writer.write({ kind: "full", families: [{ ...jobs, values: [i], timestampsMs: [Number.NaN] }] });
    await bed.scrape("aaaaaaaa", { up: i });
  }
  await until(() => valuesOf(receiver).sort()).toEqual(
    ["jobs_total 0", "jobs_total 1", "jobs_total 2", "jobs_total 3", "up 1", "up 2", "up 3"].sort(),
  );
  await drain(shipper);
  expect((await readLedger(bed.dir, nodeUploadFs)).destinations.get("store")?.late.size).toBe(0);
});

test("sessions that ended in segments that are gone leave no trace in the ledger", async (context) => {
  const bed = await createShipBed(context);
  const receiver = createReceiver();
  const shipper = bed.ship([receiver], { lingerMs: 0 });
  for (let i = 0; i < 4; i++) {
    const session = `${i}`.repeat(8);
    await scrapeTen(bed, session);
    await bed.scrape(session, { up: 99 }, { exit: true });
  }
  await until(() => receiver.samples.length).toBe(84);
  await until(() => bed.segments()).toHaveLength(1);
  await drain(shipper);
  const ledger = await readLedger(bed.dir, nodeUploadFs);
  expect(ledger.destinations.get("store")!.cursor.size).toBeLessThan(3);
});

test("an upload takes segments too: settled ones go at once, others stay however little room there is", async (context) => {
  const bed = await createShipBed(context);
  const one = createReceiver({ name: "one" });
  const two = createReceiver({ name: "two", answer: (n) => (n > 2 ? lost : "take"), maxSamples: 4 });
  await scrapeTen(bed);
  const before = await bed.segments();
  expect(before.length).toBeGreaterThan(2);
  const targets = [one, two].map((destination) => ({ destination, project: asItIs }));
  const common = { now: bed.now, sendNow: true, timeoutMs: 0 };
  const again = () =>
    upload({ journal: openJournal(bed.dir, { now: bed.now }), targets, ...common, cleanup: { maxBytes: 1 } });
  const first = await again();
  expect(first.deleted.flatMap(({ files }) => files)).toEqual(before.slice(0, 1));
  expect(await bed.segments()).toEqual(before.slice(1));
  const whole = createReceiver({ name: "two" });
  targets[1] = { destination: whole, project: asItIs };
  const second = await again();
  expect(second.deleted.flatMap(({ files }) => files)).toEqual(before.slice(1, -1));
  expect(await bed.segments()).toEqual(before.slice(-1));
  expect([...valuesOf(two), ...valuesOf(whole)]).toHaveLength(20);
  await bed.scrape("aaaaaaaa", { up: 11 });
  expect(await again()).toMatchObject({ verdict: 0, compressed: [], bytesOver: 0 });
});

test("a destination without history is refused", async (context) => {
  const bed = await createShipBed(context);
  const gateway = createReceiver({ keepsHistory: false });
  expect(() => startShipper({ dir: bed.dir, targets: [{ destination: gateway, project: asItIs }] })).toThrow(
    'destination "store" keeps no history',
  );
});
