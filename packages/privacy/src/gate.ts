/** What stands between a program and its own journal: consent and filters, and nothing that only sending needs. */
export { additions, agreedOnly } from "./agreement.ts";
export { allowList } from "./allow-list.ts";
export { clampGauges, noGauge } from "./clamp-gauges.ts";
export { consentIn, telemetryVariable } from "./consent.ts";
export { writeConsent } from "./consent-file.ts";
export { disabledRecord, enabledRecord, isForgetting } from "./decision.ts";
export { denyList } from "./deny-list.ts";
export { composeFilters } from "./filter.ts";
export { filterFamilies } from "./filter-families.ts";
export { createLabelCap } from "./label-cap.ts";
export { mayAsk } from "./may-ask.ts";
export { ownNames } from "./scan/own-names.ts";
export { createScanner } from "./scan/scanner.ts";
export { valueScan } from "./scan/value-scan.ts";
