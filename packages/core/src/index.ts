export {
  type Catalogue,
  type CatalogueLabel,
  type CatalogueMetric,
  catalogueDigest,
  catalogueFileName,
  catalogueToJson,
} from "./catalogue/catalogue.ts";
export { CatalogueError, catalogueFromJson } from "./catalogue/catalogue-from-json.ts";
export {
  type CounterDefinition,
  counter,
  type GaugeDefinition,
  type GaugeDescription,
  gauge,
  type HistogramDefinition,
  type HistogramDescription,
  histogram,
  type LabelRule,
  type LabelRules,
  type MetricDefinition,
  type OpenLabel,
  open,
  type PatternLabel,
  pattern,
} from "./catalogue/definition.ts";
export {
  collectRegistry,
  createGatherMemory,
  type GatherMemory,
  type GatherOptions,
  gatherRegistry,
  type ReadableRegistry,
} from "./catalogue/gather.ts";
export { catalogueGaugeRules, gaugeRules } from "./catalogue/gauge-rules.ts";
export { allowsValue, OTHER_VALUE } from "./catalogue/label-guard.ts";
export {
  type Counter,
  defineMetrics,
  type Gauge,
  type Histogram,
  type Instrument,
  type LabelValues,
  type MetricDefinitions,
  type Metrics,
  type MetricsOptions,
} from "./catalogue/metrics.ts";
export { cataloguePage } from "./catalogue/page.ts";
export { sampleNames } from "./catalogue/validate.ts";
