export {
  type Consent,
  type ConsentSources,
  type ConsentState,
  consentInWords,
  resolveConsent,
  telemetryVariable,
} from "./consent.ts";
