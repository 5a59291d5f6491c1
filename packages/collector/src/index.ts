export {
  type CataloguedMetrics,
  type Collector,
  type CollectorConsent,
  type CollectorOptions,
  type CollectorStatus,
  type ConsentAnswer,
  createCollector,
} from "./collector.ts";
export { inWorker } from "./in-worker.ts";
export { MAINTAINED_FILE } from "./keep-maintained.ts";
export { LowDiskError } from "./low-disk-error.ts";
export { METRICS_FLAG, takeMetricsFlag } from "./metrics-flag.ts";
export type { ConsentQuestion } from "./question.ts";
