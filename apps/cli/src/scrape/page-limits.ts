import type { Label } from "@promferry/core/series";
import { defaultParseLimits, type ParseLimits } from "@promferry/core/text-format";
import type { ScrapeConfig } from "../config/scrape-schema.ts";

/** Why a page that could be read counts as none. */
export class PageRefusal extends Error {
  override readonly name = "PageRefusal";
}

/**
 * Holds a series against the limits of its job, as Prometheus counts: the target's labels and the metric's
 * name (as the label `__name__`) are among its labels, lengths are in bytes.
 *
 * @throws {PageRefusal}
 */
export function checkLabelLimits(
  metric: string,
  labels: readonly Label[],
  limits: Pick<ScrapeConfig, "label_limit" | "label_name_length_limit" | "label_value_length_limit">,
): void {
  const { label_limit: count, label_name_length_limit: name, label_value_length_limit: value } = limits;
  const refuse = (what: string, setting: string, limit: number) => {
    throw new PageRefusal(`${what} of ${metric.slice(0, 50)}; ${setting} is ${limit}`);
  };
  if (count > 0 && labels.length > count) refuse(`${labels.length} labels`, "label_limit", count);
  if (name === 0 && value === 0) return;
  for (const label of labels) {
    const shown = label.name.slice(0, 50);
    const nameBytes = Buffer.byteLength(label.name);
    if (name > 0 && nameBytes > name) {
      refuse(`${nameBytes} bytes in the name of a label (${shown})`, "label_name_length_limit", name);
    }
    const valueBytes = Buffer.byteLength(label.value);
    if (value > 0 && valueBytes > value) {
      refuse(`${valueBytes} bytes in the label ${shown}`, "label_value_length_limit", value);
    }
  }
}

/**
 * What the parser takes: its own limits, raised where the job's are higher. Lower ones of the job count after relabelling,
 * as they do for Prometheus.
 *
 * @param maxSeries Different series of a page, where `sample_limit` is not higher.
 */
export function parseLimits(
  job: Pick<ScrapeConfig, "sample_limit" | "line_size_limit" | "label_limit" | "label_name_length_limit">,
  maxSeries: number,
): ParseLimits {
  const { maxLabels, maxLineBytes, maxNameBytes } = defaultParseLimits;
  return {
    maxSeries: Math.max(maxSeries, job.sample_limit),
    maxLineBytes: job.line_size_limit || maxLineBytes,
    maxLabels: Math.max(maxLabels, job.label_limit),
    // The parser counts quotes and escapes as well.
    maxNameBytes: Math.max(maxNameBytes, 2 * job.label_name_length_limit + 2),
  };
}
