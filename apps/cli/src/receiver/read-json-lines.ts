import { createSeriesDictionary, type Label, type MetricFamily, type Series } from "@promferry/core/series";

const METRIC_NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
/** Not `__name__`, which `metric` says: no reader of the journal would take it beside that. */
const LABEL_NAME = /^(?!__name__$)[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Reads one `{"metric","labels","value","ts"}` a line: labels an object of texts, the time in
 * milliseconds, values that JSON has no number for as `"NaN"`, `"+Inf"`, `"-Inf"`.
 *
 * @throws {RangeError} `line N: …`; nothing of the text is taken.
 */
export function readJsonLines(text: string): MetricFamily[] {
  const dictionary = createSeriesDictionary();
  const byName = new Map<string, { series: Series[]; values: number[]; timestampsMs: number[] }>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const fail = (expected: string): never => {
      throw new RangeError(`line ${i + 1}: expected ${expected}, got ${line.slice(0, 80)}`);
    };
    const { metric, labels = {}, value, ts = Number.NaN } = parseObject(line) ?? fail("a JSON object");
    if (typeof metric !== "string" || !METRIC_NAME.test(metric)) return fail("a metric name in metric");
    const number = readValue(value) ?? fail("a number in value");
    if (typeof ts !== "number" || !(Number.isNaN(ts) || Number.isSafeInteger(ts))) {
      return fail("whole milliseconds in ts");
    }
    const series = dictionary.intern(metric, readLabels(labels) ?? fail("an object of texts in labels"));
    let columns = byName.get(metric);
    if (!columns) {
      columns = { series: [], values: [], timestampsMs: [] };
      byName.set(metric, columns);
    }
    columns.series.push(series);
    columns.values.push(number);
    columns.timestampsMs.push(ts);
  }
  return Array.from(byName, ([name, columns]) => ({ name, type: "unknown", help: "", unit: "", ...columns }));
}

function parseObject(line: string): Record<"metric" | "labels" | "value" | "ts", unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null
      ? (value as ReturnType<typeof parseObject>)
      : undefined;
  } catch {
    return undefined;
  }
}

function readValue(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  if (value === "+Inf") return Number.POSITIVE_INFINITY;
  return value === "-Inf" ? Number.NEGATIVE_INFINITY : undefined;
}

function readLabels(labels: unknown): Label[] | undefined {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) return undefined;
  const read = Object.entries(labels).map(([name, value]) => ({ name, value: value as string }));
  const isValid = read.every(({ name, value }) => typeof value === "string" && LABEL_NAME.test(name));
  return isValid ? read : undefined;
}
