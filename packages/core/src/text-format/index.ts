export { checkMetrics, type Finding, type MetricCardinality, type MetricsCheck } from "./check-metrics.ts";
export { ExpositionError, type ExpositionErrorCode } from "./exposition-error.ts";
export type { LintRule } from "./lint-rules.ts";
export { formatCanonical, formatValue, parseNumber } from "./number.ts";
export {
  createExpositionParser,
  type ExpositionFormat,
  type ExpositionParser,
  type ParseOptions,
  parseExposition,
} from "./parse-exposition.ts";
export { defaultParseLimits, type ParseLimits } from "./parse-limits.ts";
export { showUnseen } from "./show-unseen.ts";
export { writeOpenMetrics } from "./write-openmetrics.ts";
export { type WritePrometheusTextOptions, writePrometheusText } from "./write-prometheus-text.ts";
