import type { CappedLabel } from "@promferry/privacy";
import type { MetricsConfig } from "../config/schema.ts";
import { count } from "../count.ts";

/** What became of the values of a label that has too many. */
export function cappedInWords(
  { label, max }: CappedLabel,
  { max_label_values: configured }: Pick<MetricsConfig, "max_label_values">,
): string {
  const who = max < configured ? "the catalogue" : "metrics.max_label_values";
  return `${count(max, "value")} of the label ${label} leave as they are, all others as other (${who})`;
}
