/** What few samples have. */

import type { Exemplar, NativeHistogram } from "@promferry/core/series";

export const histogram: NativeHistogram = {
  schema: 0,
  integer: true,
  count: 3,
  sum: 6,
  zeroThreshold: 0.5,
  zeroCount: 1,
  positiveSpans: [{ offset: 1, length: 1 }],
  positiveCounts: [2],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [],
  resetHint: "unknown",
};
export const exemplar: Exemplar = { labels: [{ name: "trace_id", value: "x" }], value: 1, timestampMs: 5 };
