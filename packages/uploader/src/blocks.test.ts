import { DeliveryError } from "@promferry/core/delivery";
import type { FrameRef } from "@promferry/core/journal";
import { createTotals, type Projection, SampleList, type TotalSample } from "@promferry/core/merge";
import { createSeriesDictionary } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isOff, processesOf } from "../test/dying-fs.ts";
import { createFaultyUploads, faultsUpTo, lostAnswer } from "../test/faults.ts";
import { asItIs, createReceiver, createTestBed, MINUTE, NOON } from "../test/harness.ts";
import { inBlocks } from "./blocks.ts";
import { LedgerError, nodeUploadFs, readLedger } from "./index.ts";
import { buildWindows } from "./window.ts";

const { intern } = createSeriesDictionary();
const family = { name: "m", type: "counter", help: "", unit: "" } as const;
const series = (name: string) => intern("m", [{ name: "l", value: name }]);
const startMs = 1;

const steps = fc.array(fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 5 }), {
  minLength: 1,
  maxLength: 6,
});

test("a block has all samples of its series, step by step, and is larger than asked only where it is of one", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 12 }), (all, blockSamples) => {
      const samples: TotalSample[] = [];
      const runs = all.map((names, step) => {
        for (const name of names) {
          const value = name === "c" ? null : step;
          const more = name === "d" && { startMs };
          samples.push({ series: series(name), family, timestampMs: step, value, ...more });
        }
        return { step, end: samples.length };
      });
      fc.pre(samples.length > 0);
      const { samples: list, runs: ordered, ends } = inBlocks(SampleList.of(samples), runs, blockSamples);

      const inOrder = [...list];
      expect(new Set(inOrder)).toEqual(new Set(samples));
      expect(inOrder).toHaveLength(samples.length);
      expect(ends.at(-1)).toBe(samples.length);
      const stepOf = (index: number) => ordered.find(({ end }) => end > index)!.step;
      expect(inOrder.map((_, index) => stepOf(index))).toEqual(inOrder.map(({ timestampMs }) => timestampMs));
      const blocks = ends.map((end, i) => inOrder.slice(ends[i - 1] ?? 0, end));
      const namesIn = (block: TotalSample[]) => new Set(block.map((each) => each.series));
      for (const block of blocks) {
        const times = block.map(({ timestampMs }) => timestampMs);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        if (block.length > blockSamples) expect(namesIn(block).size).toBe(1);
      }
      expect(blocks.flatMap((block) => [...namesIn(block)])).toEqual([...namesIn(samples)]);
    }),
  );
});

const names = ["a_total", "b_total", "c_total", "d_total"];
const counts = (value: number) => Object.fromEntries(names.map((name) => [name, value]));

test("where each step fills a request, requests have ten steps of some series, the start's among them", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - 1, "start");
  for (let i = 0; i < 12; i++) await bed.write("aaaaaaaa", NOON + i * MINUTE, counts(i + 1));
  const receiver = createReceiver({ maxSamples: 6 });
  await bed.upload({ targets: [{ destination: receiver, project: asItIs }] });

  const sample = (name: string, i: number) => `${name} ${i + 1}@${i < 0 ? -1 : i * MINUTE}`;
  const linesOf = (chosen: readonly string[], from: number, to: number) =>
    chosen.flatMap((name) => Array.from({ length: to - from }, (_, i) => sample(name, from + i))).join("\n");
  expect(receiver.bodies).toEqual([
    ...names.flatMap((name) => [linesOf([name], -1, 5), linesOf([name], 5, 9)]),
    linesOf(names.slice(0, 2), 9, 12),
    linesOf(names.slice(2), 9, 12),
  ]);
});

test("whatever dies when, a step larger than a request arrives once, and what arrives twice arrives in the same bytes", {
  timeout: 30_000,
}, async (context) => {
  const property = fc.asyncProperty(
    fc.array(faultsUpTo({ writes: 80, sends: 12 }), { maxLength: 8 }),
    fc.integer({ min: 1, max: 7 }),
    fc.integer({ min: 1, max: 12 }),
    async (plan, maxSamples, framesEach) => {
      const bed = await createTestBed(context);
      const expected: string[] = [];
      const faulty = createFaultyUploads();
      const receiver = createReceiver({ maxSamples, answer: faulty.answer });
      await bed.write("aaaaaaaa", NOON - 1, "start");
      expected.push(...names.map((name) => `${name} 0@-1`));
      let value = 0;
      for (const [i, each] of [...plan, { kind: "none" as const }].entries()) {
        for (let frame = 0; frame < framesEach; frame++, value++) {
          const at = value * MINUTE;
          await bed.write("aaaaaaaa", NOON + at, counts(value + 1));
          expected.push(...names.map((name) => `${name} ${value + 1}@${at}`));
        }
        const options = { fs: faulty.begin(each), processes: processesOf(i + 1), timeoutMs: 0 };
        await bed
          .upload({ targets: [{ destination: receiver, project: asItIs }], ...options })
          .catch((error: unknown) => {
            if (!(error instanceof LedgerError || isOff(error))) throw error;
          });
      }

      expect(faulty.once.toSorted()).toEqual(expected.toSorted());
      const timesOf = (name: string) =>
        faulty.once.filter((line) => line.startsWith(name)).map((line) => Number(line.split("@")[1]));
      for (const name of names) expect(timesOf(name)).toEqual(timesOf(name).toSorted((a, b) => a - b));
      const ledger = await readLedger(bed.dir, nodeUploadFs);
      const counted = { accepted: expected.length, refused: 0, unknown: 0, next: undefined };
      expect(ledger.destinations.get("store")).toMatchObject(counted);
    },
  );
  await fc.assert(property, { numRuns: 20 });
});

test("a block in doubt that can't be rebuilt counts as unknown; nothing of its window is sent twice", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - 1, "start");
  for (let i = 0; i < 12; i++) await bed.write("aaaaaaaa", NOON + i * MINUTE, counts(i + 1));
  const receiver = createReceiver({
    maxSamples: 6,
    answer: (n) => (n === 4 ? { error: lostAnswer(), takes: true } : "take"),
  });
  const options = { targets: [{ destination: receiver, project: asItIs }], timeoutMs: 0 };
  await bed.upload(options);
  expect(receiver.samples).toHaveLength(20);

  const renamed = { destination: receiver, project: () => ({ name: "other_total", labels: [] }) };
  const { destinations } = await bed.upload({ ...options, targets: [renamed] });
  expect(destinations[0]).toMatchObject({ unknown: 4, failure: undefined });
  expect(destinations[0]?.notes.join()).toContain("could not be rebuilt");
  // The second window, under the new name.
  const times = receiver.samples.slice(20).map((line) => Number(line.split("@")[1]));
  expect(times.filter((at) => at >= 0 && at < 9 * MINUTE)).toEqual([]);
  expect(times).toContain(11 * MINUTE);
});

const busy = new DeliveryError("ERR_DELIVERY_OVERLOADED", "busy");

test("a request that nobody has passes no frame over of which nothing was sent", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - 1, "start");
  const page = (letters: string, value: number) =>
    Object.fromEntries([...letters].map((letter) => [`${letter}_total`, value]));
  // Four series end after the third frame: the first two blocks have nothing of the later ones.
  for (let i = 0; i < 8; i++)
    await bed.write("aaaaaaaa", NOON + i * MINUTE, page(i < 3 ? "abcdef" : "efgh", i + 1));
  const receiver = createReceiver({ maxSamples: 7, answer: (n) => (n === 3 ? { error: busy } : "take") });
  const options = { targets: [{ destination: receiver, project: asItIs }], timeoutMs: 0 };
  await bed.upload(options);
  const minutesOf = (samples: readonly string[]) =>
    samples.map((line) => Number(line.split("@")[1]) / MINUTE);
  const sent = receiver.samples.length;
  expect(Math.max(...minutesOf(receiver.samples))).toBe(2);

  const project: Projection = ({ name }) => ({ name: `x_${name}`, labels: [] });
  await bed.upload({ ...options, targets: [{ destination: receiver, project }] });

  const later = minutesOf(receiver.samples.slice(sent)).filter((minute) => minute > 2);
  expect(new Set(later)).toEqual(new Set([3, 4, 5, 6, 7]));
});

test("a limit that is no whole number is taken for the next lower one", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - 1, "start");
  for (let i = 0; i < 8; i++) await bed.write("aaaaaaaa", NOON + i * MINUTE, counts(i + 1));
  const receiver = createReceiver({ maxSamples: 6.5, answer: (n) => (n === 2 ? { error: busy } : "take") });
  const options = { targets: [{ destination: receiver, project: asItIs }], timeoutMs: 0 };
  await bed.upload(options);
  const { destinations } = await bed.upload(options);
  expect(destinations[0]).toMatchObject({ failure: undefined, unknown: 0 });
  expect(new Set(receiver.samples).size).toBe(4 * 9);
  expect(receiver.samples).toHaveLength(4 * 9);
});

test("a step with a sample from long before begins a window of its own", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("bbbbbbbb", NOON - 70 * MINUTE, "start");
  await bed.write("aaaaaaaa", NOON - 1, "start");
  for (const minute of [0, 10]) await bed.write("aaaaaaaa", NOON + minute * MINUTE, counts(minute + 1));
  // Its 0 stands at its session's start.
  await bed.write("bbbbbbbb", NOON + 20 * MINUTE, { other_total: 1, ...counts(1) });
  const receiver = createReceiver({ maxSamples: 6 });
  await bed.upload({ targets: [{ destination: receiver, project: asItIs }] });

  const minutesOf = (body: string) => body.split("\n").map((line) => Number(line.split("@")[1]) / MINUTE);
  const isLast = (body: string) => minutesOf(body).includes(20);
  expect(receiver.bodies.filter(isLast).flatMap(minutesOf)).not.toContain(10);
  expect(receiver.samples).toContain(`other_total 0@${-70 * MINUTE}`);
});

for (const { seriesCount, steps } of [
  { seriesCount: 100_000, steps: [2, 2] },
  { seriesCount: 130_000, steps: [1, 1, 1, 1] },
]) {
  test(`windows of blocks with ${seriesCount} samples a step have at most 250,000`, async () => {
    const gauge = { name: "m", type: "gauge", help: "", unit: "" } as const;
    const each = Array.from({ length: seriesCount }, (_, i) => series(String(i)));
    const refs = Array.from({ length: 4 }, (_, seq): FrameRef => {
      const header = {
        writtenMs: NOON + seq,
        session: "aaaaaaaa",
        seq,
        kind: "full",
        origin: "scrape",
      } as const;
      const info = { startedMs: NOON, intervalMs: MINUTE };
      const place = { file: "2025-10-06.prom", offsetBytes: 0, lengthBytes: 1, sampleCount: seriesCount };
      return { header: { ...header, consent: "user", exit: false }, info, ...place };
    });
    const windows = buildWindows({
      actions: refs.map((ref) => ({ kind: "step", atMs: ref.header.writtenMs, refs: [ref] })),
      totals: createTotals({ project: asItIs }),
      async read({ header, info }) {
        const values = each.map(() => header.seq);
        const timestampsMs = each.map(() => header.writtenMs);
        return { header, info, families: [{ ...gauge, series: each, values, timestampsMs }] };
      },
      ages: { oldestMs: 0, newestMs: Number.POSITIVE_INFINITY, collapsesBy: undefined },
      maxSamples: 20_000,
    });
    const lengths: number[] = [];
    for await (const { steps: inWindow, samples } of windows) {
      expect(samples.length).toBe(inWindow.length * seriesCount);
      lengths.push(inWindow.length);
    }
    expect(lengths).toEqual(steps);
  });
}
