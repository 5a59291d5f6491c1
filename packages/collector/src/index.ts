export {
  type CataloguedMetrics,
  type Collector,
  type CollectorOptions,
  type CollectorStatus,
  createCollector,
} from "./collector.ts";
export { inWorker } from "./in-worker.ts";
export { MAINTAINED_FILE } from "./keep-maintained.ts";
export { LowDiskError } from "./low-disk-error.ts";
