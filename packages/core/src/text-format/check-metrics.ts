import { ExpositionError } from "./exposition-error.ts";
import { finishDraft } from "./family-draft.ts";
import { type LintRule, lintFamily } from "./lint-rules.ts";
import { countLineFeeds } from "./page-reader.ts";
import { type ParseOptions, readDrafts } from "./parse-exposition.ts";

/** One thing found in a page. */
export interface Finding {
  /** From 1; of a warning, the line that named the family first. */
  readonly line: number;
  /** From 1, in Unicode characters. */
  readonly column: number;
  /** Without the position. */
  readonly message: string;
  /** The family that a warning is about. */
  readonly metric?: string;
  /** Of a warning. */
  readonly rule?: LintRule;
}

export interface MetricsCheck {
  /** Empty, or the one error that made the page unreadable. */
  readonly errors: readonly Finding[];
  /** In order of lines. Empty when there is an error. */
  readonly warnings: readonly Finding[];
  /** Of each family with samples, the largest first. Empty when there is an error. */
  readonly cardinality: readonly MetricCardinality[];
}

/** How many series a family has; those of a histogram or summary are its buckets or quantiles, sum and count. */
export interface MetricCardinality {
  readonly metric: string;
  readonly series: number;
}

/**
 * Judges a page as `promtool check metrics` does: an error where the format is broken, warnings where
 * its naming advice is not followed, and counts series as its `--extended` does. Families without samples get no
 * warnings.
 *
 * @param options As for `parseExposition`.
 */
export function checkMetrics(text: Uint8Array | string, options: ParseOptions): MetricsCheck {
  try {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const warnings: Finding[] = [];
    const cardinality: MetricCardinality[] = [];
    let counted = 0;
    let line = 1;
    for (const draft of readDrafts(bytes, options).toSorted((a, b) => a.offset - b.offset)) {
      line += countLineFeeds(bytes, counted, draft.offset);
      counted = draft.offset;
      if (draft.values.length === 0) continue;
      const family = finishDraft(draft);
      cardinality.push({ metric: draft.name, series: new Set(family.series).size });
      for (const { rule, message } of lintFamily(family, options.format === "openmetrics")) {
        warnings.push({
          line,
          column: 1,
          message: `${draft.name} ${message}`,
          metric: draft.name,
          rule,
        });
      }
    }
    return {
      errors: [],
      warnings,
      cardinality: cardinality.sort((a, b) => b.series - a.series),
    };
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    const { line, column, message } = error;
    const position = `${line}:${column}: `;
    const finding = { line, column, message: message.slice(position.length) };
    return { errors: [finding], warnings: [], cardinality: [] };
  }
}
