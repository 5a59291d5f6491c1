/** The catalogue as data: nothing here loads prom-client. */
export {
  type Catalogue,
  type CatalogueLabel,
  type CatalogueMetric,
  catalogueDigest,
  catalogueFileName,
  catalogueToJson,
} from "./catalogue.ts";
export { CatalogueError, catalogueFromJson } from "./catalogue-from-json.ts";
export { catalogueGaugeRules } from "./gauge-rules.ts";
export { allowsValue, OTHER_VALUE } from "./label-guard.ts";
export { cataloguePage } from "./page.ts";
export { sampleNames } from "./validate.ts";
