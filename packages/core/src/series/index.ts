export {
  canonicalLabels,
  compareCodePoints,
  createSeriesDictionary,
  labelValue,
  type SeriesDictionary,
  seriesKey,
} from "./dictionary.ts";
export type {
  EpochMs,
  Exemplar,
  FamilyMetadata,
  Label,
  MetricFamily,
  MetricType,
  SampleValue,
  Series,
} from "./series.ts";
