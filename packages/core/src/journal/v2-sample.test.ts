import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { NativeHistogram } from "../series/series.ts";
import { encodeFrame } from "./encode-frame.ts";
import { openJournal } from "./journal.ts";

/** A journal with frames of version 2; see `docs/journal-versions.md`. */
const SAMPLE = fileURLToPath(new URL("../../test/v2-sample", import.meta.url));
const open = () => openJournal(SAMPLE, { now: () => Date.UTC(2025, 9, 8) });
const START = Date.UTC(2025, 9, 7, 9);

const whole: NativeHistogram = {
  schema: 3,
  integer: true,
  count: 7,
  sum: 18.4,
  zeroThreshold: 2.938735877055719e-39,
  zeroCount: 2,
  positiveSpans: [
    { offset: 0, length: 2 },
    { offset: 3, length: 1 },
  ],
  positiveCounts: [1, 2, 1],
  negativeSpans: [{ offset: -5, length: 1 }],
  negativeCounts: [1],
  customBounds: [],
  resetHint: "unknown",
};
const custom: NativeHistogram = {
  ...whole,
  schema: -53,
  integer: false,
  count: 2.5,
  sum: Number.NaN,
  zeroThreshold: 0,
  zeroCount: 0,
  positiveSpans: [{ offset: 1, length: 2 }],
  positiveCounts: [2, 0.5],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [-0.5, 1],
  resetHint: "gauge",
};

test("every frame of a v2 journal is found, those without special lines as v1", async () => {
  const { frames, held, damage, unsupported } = await open().index();
  expect({ held, damage, unsupported }).toEqual({ held: [], damage: [], unsupported: [] });
  expect(frames.map(({ header, sampleCount }) => `${header.seq} ${header.kind} ${sampleCount}`)).toEqual([
    "0 full 4",
    "1 changes 1",
    "2 changes 0",
    "3 full 3",
  ]);
  const text = await readFile(join(SAMPLE, "2025-10-07.prom"), "utf8");
  expect([...text.matchAll(/ v=(\d)/g)].map((match) => match[1])).toEqual(["2", "2", "1", "2"]);
});

test("every sample, exemplar and start time of a v2 journal is what it was", async () => {
  const journal = open();
  const found = [];
  for (const ref of (await journal.index()).frames) {
    const { families } = await journal.read(ref);
    found.push(
      families.flatMap(({ series, values, timestampsMs, special, exemplars, startsMs }) =>
        series.map(({ name, labels }, i) => [
          [name, ...labels.map(({ value }) => value)].join(" "),
          special?.has(i) ? special.get(i) : values[i],
          timestampsMs[i]! - START,
          ...(exemplars?.get(i) ?? []),
          ...(startsMs?.has(i) ? [startsMs.get(i)! - START] : []),
        ]),
      ),
    );
  }
  const trace = { labels: [{ name: "trace_id", value: 'größe "1"' }], value: 0.25, timestampMs: START - 250 };
  const untimed = { labels: [], value: 1, timestampMs: Number.NaN };
  const later = { ...whole, count: 9, zeroCount: 4 };
  expect(found).toEqual([
    [
      ["h_seconds h:1", whole, 0, trace, -60_000],
      ["h_seconds h:2", custom, -5],
      ["jobs_total", 5, 0, untimed, -60_000],
      ["up", 1, 0],
    ],
    [
      ["h_seconds h:1", later, 15_000, -60_000],
      ["h_seconds h:2", custom, 15_000],
      ["jobs_total", 5, 15_000, -60_000],
      ["up", 1, 15_000],
    ],
    [
      ["h_seconds h:1", later, 30_000, -60_000],
      ["h_seconds h:2", custom, 30_000],
      ["jobs_total", 5, 30_000, -60_000],
      ["up", 1, 30_000],
    ],
    [
      ["h_seconds h:1", null, 45_000],
      ["gone.total", null, 45_000],
      ["up", 0, 45_000],
    ],
  ]);
});

test("what is written today is v2, byte for byte", async () => {
  const bytes = await readFile(join(SAMPLE, "2025-10-07.prom"));
  const journal = open();
  const full = (await journal.index()).frames.filter(({ header }) => header.kind === "full");
  expect(full).toHaveLength(2);
  for (const ref of full) {
    const info = ref.header.seq === 0 ? ref.info : undefined;
    const frame = encodeFrame(ref.header, info, (await journal.read(ref)).families);
    expect(bytes.includes(Buffer.from(frame))).toBe(true);
  }
});
