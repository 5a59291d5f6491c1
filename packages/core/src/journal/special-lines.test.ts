import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { nativeHistograms, sevenObservations } from "../../test/native-histograms.ts";
import { canonicalLabels, type Exemplar, type MetricFamily, type NativeHistogram } from "../series/index.ts";
import { parseExposition } from "../text-format/index.ts";
import { compressDay } from "./compress-day.ts";
import { decodeFrame } from "./decode-frame.ts";
import { encodeFrame } from "./encode-frame.ts";
import type { FrameHeader } from "./frame.ts";
import { openJournal } from "./journal.ts";
import { createJournalWriter } from "./journal-writer.ts";
import { scanFrames } from "./scan-frames.ts";

const START = Date.UTC(2025, 9, 6, 14, 30);
const HEADER: FrameHeader = {
  writtenMs: START,
  session: "3f9c2a17",
  seq: 12,
  kind: "full",
  origin: "scrape",
  consent: "user",
  exit: false,
};

const labels = [{ name: "a", value: 'b " c' }];
const traced: Exemplar = {
  labels: [{ name: "trace_id", value: "größe 1" }],
  value: 0.25,
  timestampMs: START - 250,
};
const untimed: Exemplar = { labels: [], value: Number.NaN, timestampMs: Number.NaN };

/** A page with all that text has no line for. */
const PAGE: readonly MetricFamily[] = [
  {
    name: "h_seconds",
    type: "histogram",
    help: "By size.",
    unit: "",
    series: [
      { name: "h_seconds", labels },
      { name: "h_seconds_count", labels },
      { name: "h_seconds", labels: [] },
    ],
    values: [Number.NaN, 7, Number.NaN],
    timestampsMs: [START - 5, START, START],
    special: new Map([
      [0, sevenObservations],
      [2, null],
    ]),
    exemplars: new Map([
      [0, [traced, untimed]],
      [1, [traced]],
    ]),
    startsMs: new Map([
      [0, START - 60_000],
      [1, 0],
    ]),
  },
  {
    name: "gone.total",
    type: "counter",
    help: "",
    unit: "",
    series: [
      { name: "gone.total", labels: [] },
      { name: "gone.total", labels },
    ],
    values: [Number.NaN, 5],
    timestampsMs: [START, START],
    special: new Map([[0, null]]),
  },
];

test("a frame says in lines of its own what text has no line for, and is of version 2 then", () => {
  const text = Buffer.from(encodeFrame(HEADER, undefined, PAGE)).toString();
  expect(text.slice(0, text.indexOf(" crc32"))).toBe(`
# Written: 2025-10-06T14:30:00.000Z v=2 session=3f9c2a17 seq=12 kind=full origin=scrape consent=user
# HELP h_seconds By size.
# TYPE h_seconds histogram
#~ histogram h_seconds{a="b \\" c"} {"schema":3,"count":7,"sum":18.4,"zero":[1e-128,2],"positive":[[0,1,2],[3,1]],"negative":[[-5,1]]} 1759760999995
#~ exemplar {"trace_id":"größe 1"} 0.25 1759760999750
#~ exemplar {} NaN -
#~ start 1759760940000
h_seconds_count{a="b \\" c"} 7 1759761000000
#~ exemplar {"trace_id":"größe 1"} 0.25 1759760999750
#~ start 0
#~ stale h_seconds 1759761000000
# TYPE "gone.total" counter
#~ stale {"gone.total"} 1759761000000
{"gone.total",a="b \\" c"} 5 1759761000000
# End: session=3f9c2a17 seq=12 samples=5`);
  const scan = scanFrames(Buffer.from(text));
  expect(scan).toMatchObject({ frames: [{ sampleCount: 5, header: HEADER }], damage: [], unsupported: [] });
  expect(decodeFrame(Buffer.from(text))).toEqual(PAGE);
});

test("to everyone else the lines are comments, and the frame an exposition of its other samples", () => {
  const [first] = PAGE;
  const frame = encodeFrame(HEADER, undefined, [first!]);
  for (const format of ["prometheus", "scrape"] as const) {
    const read = parseExposition(frame, { format });
    expect(read.flatMap(({ series, values }) => series.map(({ name }, i) => `${name} ${values[i]}`))).toEqual(
      ["h_seconds_count 7"],
    );
  }
});

for (const { name, families, origin = "scrape" } of [
  { name: "without any of it", families: [{ ...PAGE[1]!, special: new Map() }] },
  { name: "with exemplars and start times of a program", families: [counted()], origin: "app" as const },
]) {
  test(`a frame ${name} is of version 1`, () => {
    const frame = Buffer.from(encodeFrame({ ...HEADER, origin }, undefined, families));
    expect(frame.toString()).toContain(" v=1 ");
    expect(frame.toString()).not.toContain("#~");
  });
}

function counted(): MetricFamily {
  const { special: _, ...rest } = PAGE[1]!;
  return { ...rest, values: [1, 5], exemplars: new Map([[0, [traced]]]), startsMs: new Map([[0, START]]) };
}

const exemplars = fc.array(
  fc.record({
    labels: fc
      .dictionary(
        fc.oneof(
          fc.constantFrom("trace_id", "1", "__proto__"),
          fc.string({ unit: "grapheme", minLength: 1 }),
        ),
        fc.string({ unit: "grapheme", minLength: 1 }),
        { maxKeys: 3 },
      )
      .map((bag) => canonicalLabels(Object.entries(bag).map(([name, value]) => ({ name, value })))),
    value: fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Infinity)),
    timestampMs: fc.oneof(fc.nat(4e12), fc.constantFrom(Number.NaN, 1.5, -3)),
  }),
  { minLength: 1, maxLength: 3 },
);
const row = fc.record({
  name: fc.oneof(
    fc.constantFrom("h", "h_count", "x.y"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
  ),
  label: fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
  value: fc.oneof(fc.double(), fc.constant(null), nativeHistograms),
  timestampMs: fc.oneof(fc.nat(4e12), fc.constantFrom(2 ** 52, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER)),
  exemplars: fc.option(exemplars),
  startMs: fc.option(fc.nat(4e12)),
});

test("every histogram, stale marker, exemplar and start time comes back from a frame with its sample", () => {
  const type = fc.constantFrom<MetricFamily["type"]>(
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "unknown",
  );
  fc.assert(
    fc.property(fc.uniqueArray(row, { maxLength: 6, selector: ({ label }) => label }), type, (rows, of) => {
      const byRow = <T>(pick: (each: (typeof rows)[number]) => T | undefined) =>
        new Map(rows.flatMap((each, i) => (pick(each) === undefined ? [] : [[i, pick(each)!] as const])));
      const special = new Map<number, NativeHistogram | null>(
        rows.flatMap(({ value }, i) => (typeof value === "number" ? [] : [[i, value] as const])),
      );
      const family: MetricFamily = {
        name: "h",
        type: of,
        help: "",
        unit: "",
        series: rows.map(({ name, label }) => ({ name, labels: [{ name: "l", value: label }] })),
        values: rows.map(({ value }) => (typeof value === "number" ? value : Number.NaN)),
        timestampsMs: rows.map(({ timestampMs }) => timestampMs),
        special,
        exemplars: byRow((each) => each.exemplars ?? undefined),
        startsMs: byRow((each) => each.startMs ?? undefined),
      };
      const frame = encodeFrame(HEADER, undefined, [family]);
      expect(scanFrames(frame)).toMatchObject({ frames: [{ sampleCount: rows.length }], damage: [] });
      expect(flat(decodeFrame(frame))).toEqual(flat([family]));
    }),
    { numRuns: 300 },
  );
});

/** Every row with all that belongs to it; the text format may put it into another family. */
function flat(families: readonly MetricFamily[]): unknown[] {
  return families
    .flatMap(({ series, values, timestampsMs, special, exemplars: shown, startsMs }) =>
      series.map((each, i) => [
        JSON.stringify(each),
        special?.has(i) ? special.get(i) : values[i],
        timestampsMs[i],
        shown?.get(i),
        startsMs?.get(i),
      ]),
    )
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

test("a flip of any byte of a frame of version 2 changes no sample and is reported", () => {
  const whole = Buffer.from(encodeFrame(HEADER, undefined, PAGE));
  for (let at = 0; at < whole.length; at++) {
    for (const mask of [1 << (at % 8), whole[at]! ^ 10]) {
      if (mask === 0) continue;
      const flipped = Buffer.from(whole);
      flipped[at]! ^= mask;
      const { frames, damage, unsupported, pending } = scanFrames(flipped);
      if (frames.length === 0) {
        expect(damage.length + unsupported.length + (pending ? 1 : 0), `byte ${at}`).toBeGreaterThan(0);
        continue;
      }
      const { offsetBytes, lengthBytes } = frames[0]!;
      expect(decodeFrame(flipped.subarray(offsetBytes, offsetBytes + lengthBytes)), `byte ${at}`).toEqual(
        PAGE,
      );
    }
  }
});

/** The frame with other lines, its checksum put right: what a writer with a fault would leave. */
function rewritten(change: (text: string) => string, frame = encodeFrame(HEADER, undefined, PAGE)): Buffer {
  const text = change(Buffer.from(frame).toString());
  const end = text.indexOf("# End: ");
  const sum = crc32(text.slice(1, end)).toString(16).padStart(8, "0");
  return Buffer.from(text.replace(/crc32=[0-9a-f]{8}/, `crc32=${sum}`));
}

for (const { name, change } of [
  { name: "of an unknown kind", change: (text: string) => text.replace("#~ start 0", "#~ end 0") },
  { name: "without a word", change: (text: string) => text.replace("#~ start 0", "#~ ") },
  { name: "with a start time before 1970", change: (text: string) => text.replace("start 0", "start -5") },
  {
    name: "with a start time that is no number",
    change: (text: string) => text.replace("start 0", "start x"),
  },
  {
    name: "with two blanks",
    change: (text: string) => text.replace("#~ exemplar {} NaN", "#~ exemplar {}  NaN"),
  },
  {
    name: "with an exemplar of another form",
    change: (text: string) => text.replace("{} NaN -", "{ } NaN -"),
  },
  { name: "with an exemplar without a value", change: (text: string) => text.replace("{} NaN -", "{} -") },
  {
    name: "with exemplar labels that are a list",
    change: (text: string) => text.replace("{} NaN -", "[] NaN -"),
  },
  {
    name: "with a histogram of another form",
    change: (text: string) => text.replace('"count":7', '"count":7.0'),
  },
  {
    name: "with a histogram that does not add up",
    change: (text: string) => text.replace('"count":7', '"count":8'),
  },
  { name: "with a histogram cut short", change: (text: string) => text.replace('"negative":[[-5,1]]}', "") },
  {
    name: "that belongs to no sample",
    change: (text: string) =>
      text.replace("# TYPE h_seconds histogram\n", "# TYPE h_seconds histogram\n#~ start 1\n"),
  },
]) {
  test(`a frame with a #~ line ${name} is damaged, and why is said`, async (context) => {
    const dir = await directory(context);
    const bytes = rewritten(change);
    expect(bytes.equals(encodeFrame(HEADER, undefined, PAGE))).toBe(false);
    await writeFile(join(dir, "2025-10-06.prom"), bytes);
    const journal = openJournal(dir, { now: () => START });
    const { frames, damage } = await journal.index();
    // Its checksum is right, so that only reading tells.
    if (frames.length === 0) expect(damage).toMatchObject([{ reason: "checksum" }]);
    else {
      const read = journal.read(frames[0]!);
      await expect(read).rejects.toMatchObject({ code: "ERR_JOURNAL_DAMAGED" });
      await expect(read).rejects.toThrow(/#~|native histogram/);
    }
  });
}

test("a sample line lost from a frame of version 2 is damage, as its count tells", () => {
  const lost = rewritten((text) => text.replace(/#~ stale h_seconds.*\n/, ""));
  expect(scanFrames(lost).damage).toMatchObject([{ reason: "checksum" }]);
});

test("in a frame of version 1 such lines are comments", () => {
  const old = rewritten(
    (text) => text.replace("gone_total{", "#~ whatever\n#~ stale gone_total 5\ngone_total{"),
    encodeFrame(HEADER, undefined, [
      {
        ...PAGE[1]!,
        special: new Map(),
        name: "gone_total",
        series: [{ name: "gone_total", labels }],
        values: [5],
        timestampsMs: [START],
      },
    ]),
  );
  expect(old.toString()).toContain("#~ whatever");
  expect(scanFrames(old)).toMatchObject({ frames: [{ sampleCount: 1 }], damage: [] });
  expect(decodeFrame(old)).toMatchObject([{ series: [{ name: "gone_total" }], values: [5] }]);
});

for (const { name, change, message } of [
  {
    name: "a native histogram that no receiver takes",
    change: { special: new Map([[0, { ...sevenObservations, count: 8 }]]) },
    message: 'family "h_seconds" has a native histogram with 7 observations in buckets, of 8',
  },
  {
    name: "a start time before 1970",
    change: { startsMs: new Map([[0, -1]]) },
    message: 'family "h_seconds" has a start time that is no whole millisecond since 1970: -1',
  },
]) {
  test(`${name} is refused before it is written`, () => {
    expect(() => encodeFrame(HEADER, undefined, [{ ...PAGE[0]!, ...change }])).toThrow(message);
  });
}

async function directory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-special-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("frames that list changes, and compressed days, have them too", async (context) => {
  const dir = await directory(context);
  let now = START;
  const writer = createJournalWriter({
    dir,
    session: "3f9c2a17",
    origin: "scrape",
    consent: "user",
    info: { intervalMs: 60_000 },
    dayBoundary: "utc",
    platform: "linux",
    now: () => now,
    monotonicMs: () => now,
  });
  const series = ["a", "b"].map((value) => ({ name: "h", labels: [{ name: "l", value }] }));
  const more: NativeHistogram = { ...sevenObservations, count: 9, zeroCount: 4 };
  const page = (
    special: [NativeHistogram | null, NativeHistogram],
    shown: Exemplar[] = [],
    startMs = START,
  ): MetricFamily => ({
    name: "h",
    type: "histogram",
    help: "",
    unit: "",
    series,
    values: [Number.NaN, Number.NaN],
    timestampsMs: [Number.NaN, Number.NaN],
    special: new Map(special.entries()),
    ...(shown.length > 0 && { exemplars: new Map([[1, shown]]) }),
    startsMs: new Map([[0, startMs]]),
  });
  const pages = [
    page([sevenObservations, sevenObservations], [traced]),
    // The same, in other objects.
    page([{ ...sevenObservations }, { ...sevenObservations }], [{ ...traced }]),
    page([more, sevenObservations]),
    page([more, sevenObservations], [{ ...traced, value: 1 }]),
    page([more, sevenObservations], [], START + 1),
    page([null, more]),
  ];
  for (const families of pages) {
    now += 60_000;
    await writer.write({ kind: "full", families: [families] });
  }
  await writer.close();

  const path = join(dir, "2025-10-06.prom");
  const bytes = await readFile(path);
  const listed = scanFrames(bytes).frames.map(({ header, sampleCount }) => `${header.kind} ${sampleCount}`);
  expect(listed).toEqual(["full 2", "changes 0", "changes 1", "changes 1", "changes 1", "full 2"]);

  const expected = pages.map((family, i) => {
    const atMs = START + (i + 1) * 60_000;
    // An exemplar stands where it was new.
    const isShown = i === 0 || i === 3;
    return {
      ...family,
      timestampsMs: [atMs, atMs],
      exemplars: isShown ? family.exemplars : undefined,
    };
  });
  const read = async () => {
    const journal = openJournal(dir, { now: () => Date.UTC(2100, 0) });
    const found = [];
    for (const ref of (await journal.index()).frames) {
      const [family] = (await journal.read(ref)).families;
      found.push({ ...family, exemplars: family?.exemplars?.size ? family.exemplars : undefined });
    }
    return found;
  };
  expect(await read()).toEqual(expected);

  await utimes(path, new Date(START), new Date(START));
  const journal = openJournal(dir, { now: () => Date.UTC(2100, 0) });
  const [file] = (await journal.index()).files;
  await compressDay(journal, file!);
  await expect(stat(path)).rejects.toThrow();
  expect(gunzipSync(await readFile(`${path}.gz`)).equals(bytes)).toBe(true);
  expect(await read()).toEqual(expected);
});
