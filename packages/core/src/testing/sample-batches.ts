import { toBatch } from "../delivery/batch.ts";
import type { Batch } from "../delivery/destination.ts";
import type { TotalSample } from "../merge/totals.ts";
import { createSeriesDictionary } from "../series/dictionary.ts";
import type { EpochMs, FamilyMetadata, SampleValue, Series } from "../series/series.ts";

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
