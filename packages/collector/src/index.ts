export {
  type CataloguedMetrics,
  type Collector,
  type CollectorOptions,
  type CollectorStatus,
  createCollector,
} from "./collector.ts";
