export type { GroupingOptions, GroupingValue } from "./grouping.ts";
export { createPushgateway, type Pushgateway, type PushgatewayOptions } from "./pushgateway.ts";
