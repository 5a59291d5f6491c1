export {
  externalLabels,
  type JoinSessionOptions,
  joinSession,
  type SessionLabel,
} from "./added-labels.ts";
export { type Addition, additions, agreedOnly } from "./agreement.ts";
export { allowList, allowListBySession } from "./allow-list.ts";
export { boundsProblem, clampGauges, type GaugeBounds, noGauge } from "./clamp-gauges.ts";
export {
  type Consent,
  type ConsentSay,
  type ConsentSources,
  type ConsentState,
  consentIn,
  consentInWords,
  type DirectoryConsent,
  resolveConsent,
  telemetryVariable,
} from "./consent.ts";
export {
  CONSENT_FILE,
  type ConsentChoice,
  type ConsentRecord,
  isConsentFile,
  readConsent,
  type StoredConsent,
  writeConsent,
} from "./consent-file.ts";
export {
  type Decision,
  type DisableDecision,
  disabledRecord,
  type EnableDecision,
  enabledRecord,
  forgettingRecord,
  isForgetting,
} from "./decision.ts";
export { DENIED_LABELS, denyList } from "./deny-list.ts";
export { createExplainer, type ExplainedFrame, type ExplainedMetric, type Explainer } from "./explain.ts";
export { composeFilters, type Filter } from "./filter.ts";
export { type FilteredFamilies, type FilterFamiliesOptions, filterFamilies } from "./filter-families.ts";
export {
  type Identity,
  type IdentityKind,
  type IdentityOptions,
  resolveIdentity,
  weekOf,
} from "./identity.ts";
export { IdentityError, type IdentityErrorCode } from "./identity-error.ts";
export { type IdentityFs, type IdentityKeyOptions, isIdentityFile } from "./identity-key.ts";
export {
  type CappedLabel,
  createLabelCap,
  type LabelCap,
  type LabelCapOptions,
  MAX_LABEL_VALUES,
} from "./label-cap.ts";
export { type AskingPlace, mayAsk } from "./may-ask.ts";
export { resolveSampling, type Sampling, type SamplingOptions } from "./sampling.ts";
export { FINDING_KINDS, type FindingKind } from "./scan/finding.ts";
export { type OwnNamesOptions, ownNames } from "./scan/own-names.ts";
export { type ScanExemplarsOptions, scanExemplars } from "./scan/scan-exemplars.ts";
export { createScanner, type Scanner, type ScannerOptions } from "./scan/scanner.ts";
export { SCAN_ACTIONS, type ScanAction, type ValueScanOptions, valueScan } from "./scan/value-scan.ts";
