export {
  type AdoptingDictionary,
  canonicalLabels,
  compareCodePoints,
  createSeriesDictionary,
  labelValue,
  renewedDictionary,
  type SeriesDictionary,
  seriesKey,
} from "./dictionary.ts";
export {
  CUSTOM_BOUNDS_SCHEMA,
  formatNativeHistogram,
  nativeHistogramProblem,
  parseNativeHistogram,
} from "./native-histogram.ts";
export { isHistogram, isSameValue, pickEntries, pickRows, valueAt } from "./sample-value.ts";
export type {
  BucketSpan,
  EpochMs,
  Exemplar,
  FamilyMetadata,
  Label,
  MetricFamily,
  MetricType,
  NativeHistogram,
  SampleValue,
  Series,
} from "./series.ts";
export { SeriesMap } from "./series-map.ts";
export { SeriesMemo } from "./series-memo.ts";
export { type ValueBounds, withinBounds } from "./value-bounds.ts";
