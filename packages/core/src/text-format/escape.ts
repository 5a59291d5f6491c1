import type { Label } from "../series/series.ts";
import { isPlainName } from "./page-reader.ts";

/** For a label value, a quoted name, and OpenMetrics' HELP. */
export function escapeQuoted(text: string): string {
  return /[\\"\n]/.test(text)
    ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : text;
}

/** For the HELP line of text format 0.0.4, where a quote stays as it is. */
export function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** A metric name for a HELP, TYPE or UNIT line: bare where the classic characters suffice, else in quotes. */
export function writeMetricName(name: string): string {
  return isPlainName(name, true) ? name : `"${escapeQuoted(name)}"`;
}

/** `name{a="b"}`; a name that needs quotes stands inside the braces. */
export function writeSeries(name: string, labels: readonly Label[]): string {
  const parts = labels.map(writeLabel);
  if (!isPlainName(name, true)) parts.unshift(writeMetricName(name));
  else if (parts.length === 0) return name;
  const head = isPlainName(name, true) ? name : "";
  return `${head}{${parts.join(",")}}`;
}

/** `a="b"` */
export function writeLabel({ name, value }: Label): string {
  const shown = isPlainName(name, false) ? name : `"${escapeQuoted(name)}"`;
  return `${shown}="${escapeQuoted(value)}"`;
}
