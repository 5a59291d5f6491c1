import type { Batch, BatchSeries } from "@promferry/core/delivery";
import type { SampleValue } from "@promferry/core/series";
import type { StoredSeries } from "../harness/index.ts";

/** Half an hour ago: inside the hour that a receiver without an out-of-order window takes. */
export const START_MS = Math.floor(Date.now() / 1000) * 1000 - 30 * 60_000;

export type Points = readonly (readonly [offsetMs: number, SampleValue])[];

export function series(name: string, labels: Readonly<Record<string, string>>, points: Points): BatchSeries {
  return {
    series: { name, labels: Object.entries(labels).map(([label, value]) => ({ name: label, value })) },
    family: { name, type: "gauge", help: "", unit: "" },
    timestampsMs: points.map(([offsetMs]) => START_MS + offsetMs),
    values: points.map(([, value]) => value),
  };
}

export function batchOf(...all: readonly BatchSeries[]): Batch {
  return { series: all, sampleCount: all.reduce((sum, { values }) => sum + values.length, 0) };
}

/** One line a sample; NaN, -0 and the infinities are told apart. */
export function lines(stored: readonly StoredSeries[]): string[] {
  return stored.flatMap(({ labels, samples }) =>
    samples.map(({ timestampMs, value }) =>
      line(labels, timestampMs - START_MS, Number(value.replace("Inf", "Infinity"))),
    ),
  );
}

export function line(labels: Readonly<Record<string, string>>, offsetMs: number, value: number): string {
  const shown = Object.is(value, -0) ? "-0" : String(value);
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted))} ${offsetMs} ${shown}`;
}

/** Every kind of double. */
export const VALUES: readonly number[] = [
  0,
  -0,
  1,
  -2.5,
  0.1 + 0.2,
  5e-324,
  -1.7976931348623157e308,
  2 ** 53 - 1,
  Infinity,
  -Infinity,
  Number.NaN,
];
/** Label values that are easily spoilt. */
export const TEXTS: readonly string[] = [
  'say "hi"\\',
  "two\nlines",
  "größer 漢字 🛳️",
  "\ufeff bom",
  " ",
  "\u0000",
];
