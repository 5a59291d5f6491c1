import type { BucketSpan, NativeHistogram } from "./series.ts";

/** Schema of histograms with custom bounds. */
export const CUSTOM_BOUNDS_SCHEMA = -53;

/**
 * What makes the histogram one that no receiver takes, in words; undefined where nothing does.
 *
 * As Prometheus validates it: spans and counts fit each other, no count is negative, the buckets of whole counts
 * add up to `count` (at most, where `sum` is NaN), custom bounds ascend and have no zero or negative buckets.
 */
export function nativeHistogramProblem(histogram: NativeHistogram): string | undefined {
  const { schema, integer, count, sum, zeroThreshold, zeroCount, customBounds } = histogram;
  const { positiveSpans, positiveCounts, negativeSpans, negativeCounts } = histogram;
  const isCustom = schema === CUSTOM_BOUNDS_SCHEMA;
  if (!isCustom && !(Number.isInteger(schema) && schema >= -4 && schema <= 8)) return `schema ${schema}`;
  const counts = [count, zeroCount, ...positiveCounts, ...negativeCounts];
  if (!counts.every((each) => each >= 0)) return "a count that is negative or no number";
  if (integer && !counts.every(Number.isSafeInteger)) return "a count that is not whole, or beyond 2^53";
  if (!(zeroThreshold >= 0)) return "a zero bucket of negative width";
  const fault = spanFault(positiveSpans, positiveCounts) ?? spanFault(negativeSpans, negativeCounts);
  if (fault !== undefined) return fault;
  if (isCustom) {
    if (zeroThreshold !== 0 || zeroCount !== 0 || negativeSpans.length > 0)
      return "custom bounds beside zero or negative buckets";
    const problem = boundsFault(customBounds, positiveSpans);
    if (problem !== undefined) return problem;
  } else if (customBounds.length > 0) return "custom bounds in an exponential schema";
  if (!integer) return undefined;
  let inBuckets = zeroCount;
  for (const each of positiveCounts) inBuckets += each;
  for (const each of negativeCounts) inBuckets += each;
  if (Number.isNaN(sum) ? inBuckets <= count : inBuckets === count) return undefined;
  return `${inBuckets} observations in buckets, of ${count}`;
}

function spanFault(spans: readonly BucketSpan[], counts: readonly number[]): string | undefined {
  let buckets = 0;
  for (const [i, { offset, length }] of spans.entries()) {
    if (!Number.isInteger(offset) || Math.abs(offset) > 0x7fffffff || (i > 0 && offset < 0))
      return `a span with the offset ${offset}`;
    if (!Number.isInteger(length) || length < 0) return `a span with the length ${length}`;
    buckets += length;
  }
  return buckets === counts.length ? undefined : `spans for ${buckets} buckets, and ${counts.length} counts`;
}

function boundsFault(bounds: readonly number[], spans: readonly BucketSpan[]): string | undefined {
  let previous = Number.NEGATIVE_INFINITY;
  for (const bound of bounds) {
    if (!(bound > previous) || bound === Number.POSITIVE_INFINITY)
      return "custom bounds that do not ascend to a number";
    previous = bound;
  }
  if (spans.some(({ offset }) => offset < 0)) return "a span below the first custom bound";
  const reach = spans.reduce((sum, { offset, length }) => sum + offset + length, 0);
  return reach <= bounds.length + 1 ? undefined : `spans for ${reach} buckets of ${bounds.length + 1}`;
}

/**
 * The histogram as one line of JSON without blanks; two histograms have the same text exactly when they
 * are equal.
 *
 * `{"schema":3,"count":7,"sum":18.4,"zero":[1e-128,2],"positive":[[0,1,2],[3,2]]}`: `zero` is width and count of
 * the zero bucket, each list in `positive` and `negative` a span, its offset and then the counts of its buckets.
 * What is empty or zero is left out but for `schema`, `count` and `sum`. `"float":true` says that counts are no
 * integers, `"bounds"` are custom bounds, `"reset"` is the hint unless unknown. A number that JSON lacks is
 * one of the strings `"NaN"`, `"+Inf"`, `"-Inf"`.
 */
export function formatNativeHistogram(histogram: NativeHistogram): string {
  const { schema, integer, count, sum, zeroThreshold, zeroCount, customBounds, resetHint } = histogram;
  let text = `{"schema":${schema},"count":${formatNumber(count)},"sum":${formatNumber(sum)}`;
  if (!integer) text += ',"float":true';
  if (zeroThreshold !== 0 || zeroCount !== 0) text += `,"zero":${formatNumbers([zeroThreshold, zeroCount])}`;
  text += formatSpans("positive", histogram.positiveSpans, histogram.positiveCounts);
  text += formatSpans("negative", histogram.negativeSpans, histogram.negativeCounts);
  if (customBounds.length > 0) text += `,"bounds":${formatNumbers(customBounds)}`;
  if (resetHint !== "unknown") text += `,"reset":"${resetHint}"`;
  return `${text}}`;
}

function formatSpans(name: string, spans: readonly BucketSpan[], counts: readonly number[]): string {
  if (spans.length === 0) return "";
  let at = 0;
  const lists = spans.map(({ offset, length }) => {
    const own = counts.slice(at, at + length);
    at += length;
    return formatNumbers([offset, ...own]);
  });
  return `,"${name}":[${lists.join(",")}]`;
}

function formatNumbers(values: readonly number[]): string {
  return `[${values.map(formatNumber).join(",")}]`;
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return '"NaN"';
  if (value === Number.POSITIVE_INFINITY) return '"+Inf"';
  if (value === Number.NEGATIVE_INFINITY) return '"-Inf"';
  return Object.is(value, -0) ? "-0" : String(value);
}

/**
 * Reads what {@link formatNativeHistogram} wrote, and nothing else.
 *
 * @throws {RangeError} The text is no such line, or the histogram has a {@link nativeHistogramProblem}.
 */
export function parseNativeHistogram(text: string): NativeHistogram {
  const fields = parseObject(text);
  const [zeroThreshold = Number.NaN, zeroCount = Number.NaN, ...more] = numbersOf(fields["zero"] ?? [0, 0]);
  const positive = spansOf(fields["positive"]);
  const negative = spansOf(fields["negative"]);
  const histogram: NativeHistogram = {
    schema: numberOf(fields["schema"]),
    integer: fields["float"] === undefined,
    count: numberOf(fields["count"]),
    sum: numberOf(fields["sum"]),
    zeroThreshold,
    zeroCount,
    positiveSpans: positive.spans,
    positiveCounts: positive.counts,
    negativeSpans: negative.spans,
    negativeCounts: negative.counts,
    customBounds: numbersOf(fields["bounds"] ?? []),
    resetHint: hintOf(fields["reset"]),
  };
  const problem = nativeHistogramProblem(histogram);
  if (problem !== undefined) throw new RangeError(`a native histogram with ${problem}`);
  // One form only: unknown keys, another order or blanks were lost on the way.
  if (more.length > 0 || formatNativeHistogram(histogram) !== text) throw unreadable(text);
  return histogram;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw unreadable(text);
}

function unreadable(what: unknown): RangeError {
  return new RangeError(
    `expected a native histogram as one line of JSON, got ${String(JSON.stringify(what)).slice(0, 100)}`,
  );
}

function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  if (value === "+Inf") return Number.POSITIVE_INFINITY;
  if (value === "-Inf") return Number.NEGATIVE_INFINITY;
  throw unreadable(value);
}

function numbersOf(value: unknown): number[] {
  if (!Array.isArray(value)) throw unreadable(value);
  return value.map(numberOf);
}

function spansOf(value: unknown): { readonly spans: BucketSpan[]; readonly counts: number[] } {
  const spans: BucketSpan[] = [];
  const counts: number[] = [];
  if (value === undefined) return { spans, counts };
  if (!Array.isArray(value)) throw unreadable(value);
  for (const list of value) {
    const [offset, ...own] = numbersOf(list);
    if (offset === undefined) throw unreadable(value);
    spans.push({ offset, length: own.length });
    for (const count of own) counts.push(count);
  }
  return { spans, counts };
}

function hintOf(value: unknown): NativeHistogram["resetHint"] {
  if (value === undefined) return "unknown";
  if (value === "yes" || value === "no" || value === "gauge") return value;
  throw unreadable(value);
}
