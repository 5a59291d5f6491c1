import type { CatalogueLabel } from "./catalogue.ts";

/** What a label says when its real value is not one it may say. */
export const OTHER_VALUE = "other";

/** Longest value of an open label or a pattern, in UTF-16 units. */
const MAX_VALUE_LENGTH = 200;

/** Why a value was not recorded as given; the `reason` label of `<ns>_dropped_series_total`. */
export type DropReason =
  | "unknown_value" // not in the closed list, or no match for the pattern: recorded as `other`
  | "overflow" // the label has its `max` values already: recorded as `other`
  | "bad_label" // a label name that the metric doesn't have: recorded without it
  | "bad_value" // not a number, or negative where it may not be: not recorded
  | "error"; // anything else that went wrong: not recorded

/** Gives the value to record for the one that came. */
export type LabelGuard = (value: unknown) => string;

/**
 * Whether a rule lets a value through as it is, caps aside: for gates that see one value at a time.
 * `other` always passes.
 */
export function allowsValue(rule: CatalogueLabel): (value: string) => boolean {
  if (rule.kind === "closed") {
    const values = new Set(rule.values);
    return (value) => values.has(value) || value === OTHER_VALUE;
  }
  if (rule.kind === "open") return isShort;
  // Lookarounds hold where `^` and `$` don't: under the flag m they match inside a text of several lines.
  const whole = new RegExp(`(?<![^])(?:${rule.source})(?![^])`, rule.flags);
  return (value) => value === OTHER_VALUE || (isShort(value) && whole.test(value));
}

/** With the `u` flag a surrogate that has its partner is no match. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

function isShort(value: string): boolean {
  return value.length <= MAX_VALUE_LENGTH && !LONE_SURROGATE.test(value);
}

/** A guard with its own memory of the values it has let through. */
export function createLabelGuard(rule: CatalogueLabel, drop: (reason: DropReason) => void): LabelGuard {
  const allows = allowsValue(rule);
  const seen = new Set<string>();
  return (value) => {
    if (typeof value !== "string" || !allows(value)) {
      drop("unknown_value");
      return OTHER_VALUE;
    }
    if (rule.kind === "closed" || value === OTHER_VALUE || seen.has(value)) return value;
    if (seen.size >= rule.max) {
      drop("overflow");
      return OTHER_VALUE;
    }
    seen.add(value);
    return value;
  };
}
