import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalLabels, type MetricFamily } from "../series/index.ts";
import { decodeFrame } from "./decode-frame.ts";
import { createFrameMemory, encodeFrame } from "./encode-frame.ts";
import type { FrameHeader, SessionInfo } from "./frame.ts";
import { scanFrames } from "./scan-frames.ts";

const HEADER: FrameHeader = {
  writtenMs: Date.UTC(2025, 9, 6, 14, 30),
  session: "3f9c2a17",
  seq: 12,
  kind: "full",
  origin: "app",
  consent: "config",
  exit: false,
};

function gauge(
  name: string,
  labels: Record<string, string>,
  value: number,
  timestampMs = Number.NaN,
): MetricFamily {
  const list = Object.entries(labels).map(([key, text]) => ({ name: key, value: text }));
  const series = [{ name, labels: canonicalLabels(list) }];
  return {
    name,
    type: "gauge",
    help: "Help.",
    unit: "",
    series,
    values: [value],
    timestampsMs: [timestampMs],
  };
}

test("a frame is the text that the format's description shows", () => {
  const info = { app: "k1", version: "1.2.0", startedMs: HEADER.writtenMs - 5000, intervalMs: 300_000 };
  const text = Buffer.from(encodeFrame(HEADER, info, [gauge("k1_open", { screen: "pods" }, 5)])).toString();
  expect(text).toBe(
    `
# Written: 2025-10-06T14:30:00.000Z v=1 session=3f9c2a17 seq=12 kind=full origin=app consent=config
# Session: {"app":"k1","version":"1.2.0","startedMs":1759760995000,"intervalMs":300000}
# HELP k1_open Help.
# TYPE k1_open gauge
k1_open{screen="pods"} 5 1759761000000
# End: session=3f9c2a17 seq=12 samples=1 crc32=CRC
`.replace("CRC", text.slice(-9, -1)),
  );
  expect(scanFrames(Buffer.from(text)).frames).toHaveLength(1);
});

const labelName = fc.oneof(
  fc.constantFrom("a", "b_1", "zone"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
);
const value = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    5e-324,
    2 ** 53,
    1e21,
    0.1 + 0.2,
  ),
);

test("every value, label and time comes back from a frame as it was", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constant("k1_open"), fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 })),
      fc.dictionary(labelName, fc.string({ unit: "grapheme", maxLength: 12 }), { maxKeys: 4 }),
      value,
      fc.integer({ min: 0, max: 4e12 }),
      fc.string({ unit: "grapheme", maxLength: 20 }),
      (name, labels, number, timestampMs, help) => {
        fc.pre(!("__name__" in labels));
        const family = { ...gauge(name, labels, number, timestampMs), help };
        const frame = encodeFrame(HEADER, undefined, [family]);
        expect(scanFrames(frame)).toMatchObject({ frames: [{ sampleCount: 1 }], damage: [] });
        const [read, ...more] = decodeFrame(frame);
        expect(more).toEqual([]);
        // The text format can't keep blanks at the beginning of a help text.
        const afterBlanks = (text: string | undefined) => text?.replace(/^[ \t]+/, "");
        expect({ ...read, help: afterBlanks(read?.help) }).toEqual({ ...family, help: afterBlanks(help) });
        expect(Object.is(read?.values[0], number)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

for (const { name, beside } of [
  { name: "among plain names", beside: gauge("k1_open", {}, 1) },
  { name: "beside a metric in quotes", beside: gauge("k1.open", {}, 1) },
  { name: "beside a label in quotes", beside: gauge("k1_open", { "k8s.pod": "a" }, 1) },
]) {
  test(`bounds ${name} keep the spelling they were written with`, () => {
    const family = (type: "histogram" | "summary", sample: string, label: string): MetricFamily => {
      const bounds = ["0.10", "1", "1.0", "1e3"];
      const series = bounds.map((bound) => ({ name: sample, labels: [{ name: label, value: bound }] }));
      const timestampsMs = bounds.map(() => HEADER.writtenMs);
      return {
        name: `${type}_seconds`,
        type,
        help: "Help.",
        unit: "",
        series,
        values: [1, 2, 3, 4],
        timestampsMs,
      };
    };
    const families = [
      family("histogram", "histogram_seconds_bucket", "le"),
      { ...beside, timestampsMs: [HEADER.writtenMs] },
      { ...family("summary", "summary_seconds", "quantile"), help: "" },
    ];
    const frame = encodeFrame(HEADER, undefined, families);
    expect(decodeFrame(frame)).toEqual(families);
  });
}

test("a series at two times in one frame keeps both", () => {
  const early = gauge("k1_open", {}, 1, HEADER.writtenMs - 1);
  const late = gauge("k1_open", {}, 2, HEADER.writtenMs);
  const [family] = decodeFrame(encodeFrame(HEADER, undefined, [early, late]));
  expect(family).toMatchObject({ values: [1, 2], timestampsMs: [HEADER.writtenMs - 1, HEADER.writtenMs] });
});

const type = fc.constantFrom<MetricFamily["type"]>(
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
);

test("whatever a family's type promises, all its samples come back", () => {
  const sampleName = fc.constantFrom(
    "h",
    "h_bucket",
    "h_sum",
    "h_count",
    "h_created",
    "x_total",
    "x.y",
    "9a",
  );
  const labels = fc.dictionary(
    fc.constantFrom("le", "quantile", "a", "a.b"),
    fc.constantFrom("1", "+Inf", "1.0", "-1", "x", '"\\\n'),
    { maxKeys: 3 },
  );
  const row = fc.record({ name: sampleName, labels, value: fc.double({ noNaN: true }) });
  const distinct = fc.uniqueArray(row, {
    maxLength: 8,
    selector: ({ name, labels: set }) => JSON.stringify([name, Object.entries(set).sort()]),
  });
  fc.assert(
    fc.property(distinct, type, (rows, family) => {
      const one = rows.map((each) => gauge(each.name, each.labels, each.value, HEADER.writtenMs));
      const columns = {
        series: one.flatMap(({ series }) => series),
        values: one.flatMap(({ values }) => values),
        timestampsMs: one.flatMap(({ timestampsMs }) => timestampsMs),
      };
      const frame = encodeFrame(HEADER, undefined, [
        { name: "h", type: family, help: "", unit: "", ...columns },
      ]);
      const flat = (families: readonly MetricFamily[]) =>
        families
          .flatMap(({ series, values }) => series.map((each, i) => JSON.stringify([each, String(values[i])])))
          .sort();
      expect(flat(decodeFrame(frame))).toEqual(flat(one));
    }),
    { numRuns: 300 },
  );
});

for (const { name, family, message } of [
  { name: "a family without a name", family: gauge("", {}, 1), message: 'family "" has no name' },
  {
    name: "a sample without a name",
    family: { ...gauge("k1_open", {}, 1), series: [{ name: "", labels: [] }] },
    message: 'family "k1_open" has a sample without a name',
  },
  {
    name: "a label without a name",
    family: gauge("k1_open", { "": "a" }, 1),
    message: 'family "k1_open" has a label without a name',
  },
  {
    name: "a label called __name__",
    family: gauge("k1_open", { __name__: "a" }, 1),
    message: 'family "k1_open" has a label called __name__',
  },
  { name: "a time before 1970", family: gauge("k1_open", {}, 1, -1), message: "since 1970: -1" },
  { name: "half a millisecond", family: gauge("k1_open", {}, 1, 1.5), message: "since 1970: 1.5" },
]) {
  test(`${name} is refused before it is written, since no reader would take it`, () => {
    expect(() => encodeFrame(HEADER, undefined, [family])).toThrow(message);
  });
}

test("a sample without a timestamp gets the frame's", () => {
  const [family] = decodeFrame(encodeFrame(HEADER, undefined, [gauge("k1_open", {}, 1)]));
  expect(family?.timestampsMs).toEqual([HEADER.writtenMs]);
});

test("a frame without samples is a frame", () => {
  expect(scanFrames(encodeFrame(HEADER, undefined, [])).frames).toMatchObject([{ sampleCount: 0 }]);
});

for (const { field, value } of [
  { field: "intervalMs", value: Number.NaN },
  { field: "startedMs", value: undefined },
  { field: "runId", value: 4711 },
  { field: "gauges", value: null },
]) {
  test(`a session's info with the ${field} ${value} is refused before it is written`, () => {
    const info = { startedMs: 1, intervalMs: 1000, [field]: value } as SessionInfo;
    expect(() => encodeFrame(HEADER, info, [])).toThrow(`session info: ${field} cannot be ${value}`);
  });
}

for (const { name, header, message } of [
  {
    name: "a changes frame without a base",
    header: { ...HEADER, kind: "changes" } as const,
    message: "base cannot be undefined",
  },
  {
    name: "a changes frame on a later one",
    header: { ...HEADER, kind: "changes", base: HEADER.seq } as const,
    message: `base cannot be ${HEADER.seq}`,
  },
  {
    name: "a start frame with samples",
    header: { ...HEADER, kind: "start" } as const,
    message: "no samples",
  },
]) {
  test(`${name} is not written`, () => {
    expect(() => encodeFrame(header, undefined, [gauge("k1_open", {}, 1)])).toThrow(message);
  });
}

test("a memory changes no byte, whichever series come, go and change their order, in full frames and others", () => {
  const all = Array.from({ length: 8 }, (_, i) => ({
    name: i % 3 === 0 ? "h_count" : i === 4 ? "é" : "h_bucket",
    labels: canonicalLabels([{ name: "n", value: `${i}"` }]),
  }));
  const frame = fc.record({
    kind: fc.constantFrom("full" as const, "full" as const, "changes" as const),
    families: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom("h", "h_count", "g"),
        type: fc.constantFrom<MetricFamily["type"]>("histogram", "gauge"),
        rows: fc.uniqueArray(fc.nat(7)),
        inOrder: fc.boolean(),
      }),
      { selector: (family) => family.name, maxLength: 3 },
    ),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), (frames) => {
      const memory = createFrameMemory();
      for (const { kind, families } of frames) {
        const header = { ...HEADER, kind, ...(kind === "changes" && { base: 11 }) };
        const given = families.map(({ name, type: of, rows, inOrder }): MetricFamily => {
          const shown = inOrder ? rows.toSorted() : rows;
          const series = shown.map((row) => all[row]!);
          const timestampsMs = shown.map((row) => (row === 7 ? 1 : Number.NaN));
          return { name, type: of, help: "", unit: "", series, values: shown, timestampsMs };
        });
        const bytes = Buffer.from(encodeFrame(header, undefined, given, memory)).toString();
        expect(bytes).toBe(Buffer.from(encodeFrame(header, undefined, given)).toString());
      }
    }),
    { numRuns: 500 },
  );
});

test("the numbers of a frame are written as JavaScript shows them", () => {
  const values = [0, -0, 7, 10, 99, 2 ** 31 - 1, 2 ** 31, -1, -(2 ** 31), 2 ** 53, 1e21, 0.1, 5e-324, -1.5];
  const family = { ...gauge("g", {}, 0), timestampsMs: values.map(() => 0), values };
  const series = values.map((_, i) => ({ name: "g", labels: [{ name: "n", value: String(i) }] }));
  const text = Buffer.from(encodeFrame(HEADER, undefined, [{ ...family, series }])).toString();
  const shown = [...text.matchAll(/^g\{n="\d+"\} (\S+) 0$/gm)].map(([, number]) => number);
  expect(shown).toEqual(values.map((value) => (Object.is(value, -0) ? "-0" : String(value))));
});
