/**
 * The day "k1" of a program: 200 families, 2,000 series, a flush every five minutes, always the same.
 * 100 counters of seven series, 50 gauges of four, 50 histograms of two metrics with nine buckets. Each
 * line has about 205 bytes, since the labels `user`, `version`, `os` and `arch` stand on it.
 */

import { createSeriesDictionary, type Label, type MetricFamily, type Series } from "@promferry/core/series";
import { seeded } from "../seeded.ts";

export const SERIES_COUNT = 2000;
const FRAME_COUNT = 288;
const START_MS = 1_759_701_600_000;
const INTERVAL_MS = 300_000;

const session: readonly Label[] = [
  { name: "user", value: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
  { name: "version", value: "1.14.2" },
  { name: "os", value: "linux" },
  { name: "arch", value: "x64" },
];
const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "+Inf"];

interface Plan {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly series: readonly Series[];
}

/** The families of each flush in turn. All share their series objects. */
export function* k1Day(frameCount: number = FRAME_COUNT): Generator<readonly MetricFamily[]> {
  const random = seeded(1);
  const plans = planFamilies();
  const columns = plans.map(({ series }) => series.map(() => 0));
  for (let frame = 0; frame < frameCount; frame++) {
    const atMs = START_MS + frame * INTERVAL_MS;
    yield plans.map(({ name, type, series }, f) => {
      const values = columns[f]!;
      advance(values, type, random);
      const timestampsMs = values.map(() => atMs);
      return { name, type, help: `What ${name} says.`, unit: "", series, values: [...values], timestampsMs };
    });
  }
}

function planFamilies(): Plan[] {
  const dictionary = createSeriesDictionary();
  const intern = (name: string, labels: readonly Label[]) => dictionary.intern(name, [...session, ...labels]);
  return Array.from({ length: 200 }, (_, f): Plan => {
    const labels = (s: number): Label[] => [{ name: "resource", value: `resource-${s}` }];
    if (f % 2 === 0) {
      const name = `k1_operation_${f}_completed_total`;
      return { name, type: "counter", series: range(7).map((s) => intern(name, labels(s))) };
    }
    if (f % 4 === 1) {
      const name = `k1_informer_objects_cached_${f}_bytes`;
      return { name, type: "gauge", series: range(4).map((s) => intern(name, labels(s))) };
    }
    const name = `k1_screen_render_${f}_duration_seconds`;
    const series = range(2).flatMap((s) => [
      ...bounds.map((le) => intern(`${name}_bucket`, [...labels(s), { name: "le", value: le }])),
      intern(`${name}_sum`, labels(s)),
      intern(`${name}_count`, labels(s)),
    ]);
    return { name, type: "histogram", series };
  });
}

/** One interval of life. Sums are of many small numbers, so that they have the digits that real ones have. */
function advance(values: number[], type: Plan["type"], random: () => number): void {
  if (type === "histogram") {
    const size = bounds.length + 2;
    for (let from = 0; from < values.length; from += size) {
      let grown = 0;
      for (let b = 0; b < bounds.length; b++) {
        grown += Math.floor(random() * 5);
        values[from + b]! += grown;
      }
      values[from + bounds.length]! += grown * random() * 0.3;
      values[from + bounds.length + 1]! += grown;
    }
    return;
  }
  for (let s = 0; s < values.length; s++) {
    if (type === "counter") values[s]! += Math.floor(random() * 40);
    else values[s] = Math.floor(random() * 1e8) / 4;
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
