export {
  canonicalLabels,
  compareCodePoints,
  createSeriesDictionary,
  labelValue,
  type SeriesDictionary,
  seriesKey,
} from "./dictionary.ts";
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
