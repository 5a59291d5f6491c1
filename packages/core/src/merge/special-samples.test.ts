import { expect, test } from "vitest";
import { sevenObservations } from "../../test/native-histograms.ts";
import { asItIs, session } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import type { Exemplar, MetricFamily, NativeHistogram, SampleValue } from "../series/series.ts";
import type { TotalSample } from "./sample-list.ts";
import { createTotals, type Totals } from "./totals.ts";

const series = { name: "h", labels: [] };
const twenty: NativeHistogram = { ...sevenObservations, count: 20, zeroCount: 15 };

/** The session's frame with one sample of `h` instead of what it has. */
function withSample(frame: Frame, value: SampleValue, more: Partial<MetricFamily> = {}): Frame {
  const family: MetricFamily = {
    name: "h",
    type: "histogram",
    help: "",
    unit: "",
    series: [series],
    values: [typeof value === "number" ? value : Number.NaN],
    timestampsMs: [Number.NaN],
    ...(typeof value !== "number" && { special: new Map([[0, value]]) }),
    ...more,
  };
  return { ...frame, families: [family] };
}

function shown(samples: Iterable<TotalSample>): unknown[] {
  return Array.from(samples, ({ timestampMs, value, exemplars, startMs }) => [
    timestampMs,
    value,
    ...(exemplars ? [exemplars.map((each) => `${each.value}@${each.timestampMs}`).join(" ")] : []),
    ...(startMs === undefined ? [] : [startMs]),
  ]);
}

function again(totals: Totals): Totals {
  return createTotals({ project: asItIs, checkpoint: JSON.parse(JSON.stringify(totals.checkpoint())) });
}

test("a scraped page's histograms, stale markers and start times pass through", () => {
  const page = session("a", { origin: "scrape" });
  const totals = createTotals({ project: asItIs });
  const startsMs = new Map([[0, 500]]);
  const steps = [
    withSample(page.at(1000, {}), sevenObservations, { startsMs }),
    withSample(page.at(2000, {}), twenty, { startsMs }),
    withSample(page.at(3000, {}), null),
  ].map((frame) => shown(totals.step([frame])));

  expect(steps).toEqual([[[1000, sevenObservations, 500]], [[2000, twenty, 500]], [[3000, null]]]);
});

test("the latest state has a page's histograms, and no series that has ended, after a restore too", () => {
  const page = session("a", { origin: "scrape" });
  const totals = createTotals({ project: asItIs });
  totals.step([withSample(page.at(1000, {}), sevenObservations)]);

  expect(shown(totals.latest())).toEqual([[1000, sevenObservations]]);
  expect(shown(again(totals).latest())).toEqual([[1000, sevenObservations]]);

  totals.step([withSample(page.at(2000, {}), null)]);
  expect([...totals.latest()]).toEqual([]);
  expect([...again(totals).latest()]).toEqual([]);
});

test("a histogram of one instant is a repetition where it is the same, else withheld", () => {
  const page = session("a", { origin: "scrape" });
  const totals = createTotals({ project: asItIs });
  const timestampsMs = [1000];
  totals.step([withSample(page.at(1000, {}), sevenObservations, { timestampsMs })]);

  totals.step([withSample(page.at(2000, {}), { ...sevenObservations }, { timestampsMs })]);
  expect(totals.withheld()).toEqual([]);
  again(totals).step([withSample(page.at(2500, {}), { ...sevenObservations }, { timestampsMs })]);
  totals.step([withSample(page.at(3000, {}), twenty, { timestampsMs })]);
  expect(totals.withheld()).toEqual([{ reason: "not_newer", series: 1, samples: 1 }]);
});

for (const { value, reason } of [
  { value: sevenObservations, reason: "native_histogram" },
  { value: null, reason: "stale_marker" },
]) {
  test(`in a program's own frame a ${reason} stays here, and exemplars do`, () => {
    const program = session("a");
    const totals = createTotals({ project: asItIs });
    const exemplars = new Map([[0, [{ labels: [], value: 1, timestampMs: 5 }]]]);
    totals.step([program.start(500)]);

    expect(shown(totals.step([withSample(program.at(1000, {}), value, { exemplars })]))).toEqual([]);
    expect(totals.withheld()).toEqual([{ reason, series: 1, samples: 1 }]);

    const counter = { name: "c", type: "counter", series: [{ name: "c", labels: [] }], exemplars } as const;
    const samples = totals.step([withSample(program.at(2000, {}), 3, counter)]);
    expect(shown(samples)).toEqual([
      [1000, 0],
      [2000, 3],
    ]);
  });
}

const timed = (value: number, timestampMs: number): Exemplar => ({ labels: [], value, timestampMs });

for (const { name, scrapes, expected } of [
  {
    name: "shown in every scrape is passed on once",
    scrapes: [[timed(1, 900)], [timed(1, 900)], [timed(2, 2500)]],
    expected: [["1@900"], [], ["2@2500"]],
  },
  {
    name: "without a time has the sample's, and is new with another value",
    scrapes: [[timed(1, Number.NaN)], [timed(1, Number.NaN)], [timed(2, Number.NaN)]],
    expected: [["1@1000"], [], ["2@3000"]],
  },
  {
    name: "among several is passed on where it is newer, in the order of times",
    scrapes: [
      [timed(9, 800), timed(1, 900)],
      [timed(7, 1900), timed(1, 900), timed(8, 1800)],
      [timed(7, 1900), timed(8, 1800)],
    ],
    expected: [["9@800 1@900"], ["8@1800 7@1900"], []],
  },
]) {
  test(`an exemplar ${name}`, () => {
    const page = session("a", { origin: "scrape" });
    let totals = createTotals({ project: asItIs });
    const passed = scrapes.map((exemplars, i) => {
      const frame = withSample(page.at((i + 1) * 1000, {}), i, { exemplars: new Map([[0, exemplars]]) });
      const [sample] = shown(totals.step([frame]));
      totals = again(totals);
      return (sample as unknown[]).slice(2);
    });
    expect(passed).toEqual(expected);
  });
}
