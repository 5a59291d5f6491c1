export { type AlertOptions, type AlertRule, alertRules } from "./alert-rules.ts";
export { IDENTITY_METRIC, META, TARGET_LABELS } from "./discovery-labels.ts";
export {
  createListRenderer,
  type ListRenderer,
  type ListSelection,
  type RenderedList,
  type RenderListOptions,
} from "./list-renderer.ts";
export type { ListedGroups, ListedInstance } from "./listed-instance.ts";
export {
  instanceRules,
  type RecordingOptions,
  type Rule,
  rateWindowSeconds,
  serviceRules,
  VIRTUAL_DEVICES,
} from "./recording-rules.ts";
export { type RulesOptions, renderRules } from "./render-rules.ts";
export { type Discovery, jobNameOf, renderScrapeConfig, type ScrapeJobOptions } from "./scrape-config.ts";
export { SERVICE_METRICS } from "./service-metrics.ts";
export { parseShard, type Shard, shardOf } from "./shard.ts";
export { renderTargetList, type TargetList } from "./target-list.ts";
export { changePages, type TargetPage } from "./target-pages.ts";
export { targetFileName, targetFilePatterns, writeTargetFile } from "./write-target-file.ts";
