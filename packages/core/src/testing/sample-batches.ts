import { toBatch } from "../delivery/batch.ts";
import type { Batch } from "../delivery/destination.ts";
import type { TotalSample } from "../merge/sample-list.ts";
import { createSeriesDictionary } from "../series/dictionary.ts";
import type { EpochMs, FamilyMetadata, NativeHistogram, SampleValue, Series } from "../series/series.ts";

/** 2025-10-06T12:00:00Z. */
export const START_MS: EpochMs = 1_759_752_000_000;

/** A counter, a gauge and a histogram, each with labels, at every one of `timestampsMs`. */
export function ordinaryBatch(timestampsMs: readonly EpochMs[]): Batch {
  const { intern } = createSeriesDictionary();
  const views: FamilyMetadata = { name: "t_views_total", type: "counter", help: "Screens opened.", unit: "" };
  const cached: FamilyMetadata = { name: "t_cached", type: "gauge", help: "Objects held.", unit: "" };
  const render: FamilyMetadata = { name: "t_render_seconds", type: "histogram", help: "Drawing.", unit: "" };
  const bucket = (le: string): Series => intern("t_render_seconds_bucket", [{ name: "le", value: le }]);
  const rows: [FamilyMetadata, Series, number][] = [
    [views, intern("t_views_total", [{ name: "screen", value: "pods" }]), 42],
    [views, intern("t_views_total", [{ name: "screen", value: "nodes" }]), 18],
    [cached, intern("t_cached", [{ name: "resource", value: "pods" }]), -3.25],
    [render, bucket("0.1"), 2],
    [render, bucket("+Inf"), 3],
    [render, intern("t_render_seconds_sum", []), 0.75],
    [render, intern("t_render_seconds_count", []), 3],
  ];
  const samples: TotalSample[] = [];
  timestampsMs.forEach((timestampMs, i) => {
    for (const [family, series, value] of rows) {
      samples.push({ family, series, timestampMs, value: value + i });
    }
  });
  return toBatch(samples);
}

/** Of whole counts, with positive, negative and zero buckets. */
export const sampleHistogram: NativeHistogram = {
  schema: 2,
  integer: true,
  count: 9,
  sum: 12.5,
  zeroThreshold: 0.001,
  zeroCount: 2,
  positiveSpans: [
    { offset: -3, length: 2 },
    { offset: 4, length: 1 },
  ],
  positiveCounts: [1, 3, 1],
  negativeSpans: [{ offset: 0, length: 1 }],
  negativeCounts: [2],
  customBounds: [],
  resetHint: "unknown",
};

/** A counter with an exemplar and a start time, at {@link START_MS}. */
export function exemplarsBatch(): Batch {
  const { intern } = createSeriesDictionary();
  const family: FamilyMetadata = { name: "t_hits_total", type: "counter", help: "Hits.", unit: "" };
  const labels = [{ name: "trace_id", value: "4bf92f3577b34da6" }];
  const exemplars = [{ labels, value: 1, timestampMs: START_MS - 250 }];
  const sample = { family, series: intern("t_hits_total", []), timestampMs: START_MS, value: 4 };
  return toBatch([{ ...sample, exemplars, startMs: START_MS - 60_000 }]);
}

/** One gauge for each of `values`, at {@link START_MS}. */
export function valuesBatch(values: readonly SampleValue[]): Batch {
  const { intern } = createSeriesDictionary();
  const family: FamilyMetadata = { name: "t_value", type: "gauge", help: "", unit: "" };
  return toBatch(
    values.map((value, i) => ({
      family,
      series: intern("t_value", [{ name: "i", value: String(i) }]),
      timestampMs: START_MS,
      value,
    })),
  );
}

/**
 * What some destinations refuse or leave out and others take: names outside the classic patterns, half a
 * surrogate pair, a `job` of its own, several samples of a series, one from the year 2100, a stale marker, a native histogram.
 */
export function oddBatch(): Batch {
  const { intern } = createSeriesDictionary();
  const family: FamilyMetadata = { name: "t_odd", type: "gauge", help: "", unit: "" };
  const sample = (series: Series, timestampMs: EpochMs, value: SampleValue): TotalSample => ({
    family: { ...family, name: series.name },
    series,
    timestampMs,
    value,
  });
  const several = intern("t_several", []);
  return toBatch([
    sample(intern("t_plain", []), START_MS, 1),
    sample(intern("t.dotted", []), START_MS, 2),
    sample(intern("t_dotted_label", [{ name: "a.b", value: "x" }]), START_MS, 3),
    sample(intern("t_half", [{ name: "text", value: "\ud83d" }]), START_MS, 4),
    sample(intern("t_job", [{ name: "job", value: "theirs" }]), START_MS, 5),
    sample(several, START_MS, 6),
    sample(several, START_MS + 15_000, 7),
    sample(intern("t_later", []), Date.UTC(2100, 0, 1), 8),
    sample(intern("t_ended", []), START_MS, null),
    sample(intern("t_native", []), START_MS, sampleHistogram),
  ]);
}

/** One gauge for each of `labelValues`, at {@link START_MS}; its help holds them all. */
export function labelsBatch(labelValues: readonly string[]): Batch {
  const { intern } = createSeriesDictionary();
  const family: FamilyMetadata = { name: "t_label", type: "gauge", help: labelValues.join(" "), unit: "" };
  return toBatch(
    labelValues.map((text, i) => ({
      family,
      series: intern("t_label", [
        { name: "text", value: text },
        { name: "i", value: String(i) },
      ]),
      timestampMs: START_MS,
      value: i,
    })),
  );
}
