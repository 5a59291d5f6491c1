import type { Batch } from "@promferry/core/delivery";

/**
 * One JSON object a line and sample, `{"metric","labels","value","ts"}`: labels as an object of
 * strings, the time in milliseconds. A value that JSON has no number for is one of the strings
 * `"NaN"`, `"+Inf"`, `"-Inf"`. Series by series, each in time order; stale markers and native
 * histograms are left out.
 */
export function writeJsonLines(batch: Batch): string {
  let text = "";
  for (const { series, timestampsMs, values } of batch.series) {
    let head = `{"metric":${JSON.stringify(series.name)},"labels":{`;
    head += series.labels
      .map(({ name, value }) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join(",");
    head += '},"value":';
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (typeof value === "number") text += `${head}${jsonValue(value)},"ts":${timestampsMs[i]!}}\n`;
    }
  }
  return text;
}

function jsonValue(value: number): string {
  if (Number.isNaN(value)) return '"NaN"';
  if (value === Number.POSITIVE_INFINITY) return '"+Inf"';
  if (value === Number.NEGATIVE_INFINITY) return '"-Inf"';
  // `JSON.stringify` drops the sign of -0, which JSON itself can carry.
  return Object.is(value, -0) ? "-0" : String(value);
}
