import type { Catalogue } from "@promferry/core/catalogue";
import type { EpochMs } from "@promferry/core/series";
import type { ConsentSources } from "./consent.ts";
import type { ConsentRecord, StoredConsent } from "./consent-file.ts";

export interface Decision {
  readonly nowMs: EpochMs;
  /** How it was said, in words; no name of a person. */
  readonly by: string;
}

export interface EnableDecision extends Decision {
  /** What the user was shown; absent where the program has no catalogue. */
  readonly agreed: Catalogue | undefined;
  /** Whether everything stays on this machine. */
  readonly local: boolean;
  readonly before: StoredConsent;
  readonly config?: ConsentSources["config"];
}

export interface DisableDecision extends Decision {
  /** Default: nothing was said before. */
  readonly before?: StoredConsent;
}

/**
 * The record of a yes. What was recorded before it never leaves, unless a yes held already: then the date of
 * that one stays, or none where it is the configuration's and nobody had refused it.
 */
export function enabledRecord(decision: EnableDecision): ConsentRecord {
  const { nowMs, by, agreed, local, before, config = {} } = decision;
  const base = { decidedAtMs: nowMs, decidedBy: by, ...(agreed === undefined ? {} : { agreed }) };
  if (local) return { choice: "local", ...base };
  if (before.kind === "none" && config.enabled === true) return { choice: "enabled", ...base };
  const held = before.kind === "decided" && before.record.choice === "enabled" ? before.record : undefined;
  if (held === undefined) return { choice: "enabled", ...base, sinceMs: nowMs };
  return { choice: "enabled", ...base, ...(held.sinceMs === undefined ? {} : { sinceMs: held.sinceMs }) };
}

/** The record of a no. A `forget` that was begun is one already, and stays to be ended; then the no stays. */
export function disabledRecord({ nowMs, by, before }: DisableDecision): ConsentRecord {
  if (isForgetting(before)) return { ...before.record, refused: true };
  return { choice: "disabled", decidedAtMs: nowMs, decidedBy: by };
}

interface Forgetting {
  readonly kind: "decided";
  readonly record: ConsentRecord & { readonly choice: "forgetting" };
}

/** Whether a `forget` was begun and has not ended: nobody can agree to anything before it has. */
export function isForgetting(stored: StoredConsent | undefined): stored is Forgetting {
  return stored?.kind === "decided" && stored.record.choice === "forgetting";
}

/** The record that stands while `forget` is under way: a no, which knows what is to stay afterwards. */
export function forgettingRecord(before: StoredConsent, { nowMs, by }: Decision): ConsentRecord {
  const isNo =
    before.kind === "damaged" ||
    before.kind === "unreadable" ||
    (before.kind === "decided" && (before.record.choice === "disabled" || before.record.refused === true));
  return { choice: "forgetting", decidedAtMs: nowMs, decidedBy: by, refused: isNo };
}
