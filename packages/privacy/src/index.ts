export {
  externalLabels,
  type JoinSessionOptions,
  joinSession,
  type SessionLabel,
} from "./added-labels.ts";
export { allowList, allowListBySession } from "./allow-list.ts";
export {
  type Consent,
  type ConsentSources,
  type ConsentState,
  consentInWords,
  resolveConsent,
  telemetryVariable,
} from "./consent.ts";
export { DENIED_LABELS, denyList } from "./deny-list.ts";
export { composeFilters, type Filter } from "./filter.ts";
export { type FilteredFamilies, type FilterFamiliesOptions, filterFamilies } from "./filter-families.ts";
export { type Identity, type IdentityKind, type IdentityOptions, resolveIdentity } from "./identity.ts";
export { IdentityError, type IdentityErrorCode } from "./identity-error.ts";
export type { IdentityFs, IdentityKeyOptions } from "./identity-key.ts";
