import { canonicalLabels, type Label, type MetricFamily } from "@promferry/core/series";

/**
 * The grouping labels of a Pushgateway's path, `/metrics/job/<job>{/<label>/<value>}`, sorted by
 * name; `undefined` for any other path. A label with `@base64` behind its name has an encoded value;
 * empty values are left out; of a label given twice the last counts, but of `job` the first, and a slash may follow
 * the job, as in the Pushgateway (measured, 1.11.2).
 *
 * @throws {RangeError} The path begins like one but is none; the message says why.
 */
export function readPushPath(pathname: string): readonly Label[] | undefined {
  if (!/^\/metrics\/job(@base64)?\//.test(pathname)) return undefined;
  let segments: string[];
  try {
    segments = pathname.slice("/metrics/".length).split("/").map(decodeURIComponent);
  } catch {
    throw new RangeError("the path is not valid percent encoding");
  }
  if (segments.length === 3 && segments[2] === "") segments.pop();
  if (segments.length % 2 === 1) throw new RangeError(`odd number of components in label string ${pathname}`);
  const grouping = new Map<string, string>();
  for (let i = 0; i < segments.length; i += 2) {
    const [, name = "", encoding] = /^(.*?)(@base64)?$/s.exec(segments[i]!) ?? [];
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      throw new RangeError(`improper label name ${JSON.stringify(name.slice(0, 100))}`);
    }
    const raw = segments[i + 1]!;
    if (encoding && !/^[A-Za-z0-9_-]*=*$/.test(raw))
      throw new RangeError(`invalid base64 encoding in ${name}`);
    if (i === 0 || name !== "job")
      grouping.set(name, encoding ? Buffer.from(raw, "base64url").toString("utf8") : raw);
  }
  if (!grouping.get("job")) throw new RangeError("job name is required");
  return canonicalLabels(Array.from(grouping, ([name, value]) => ({ name, value })));
}

/** The families with the grouping labels, which win over labels of the same names. */
export function withGrouping(families: readonly MetricFamily[], grouping: readonly Label[]): MetricFamily[] {
  const names = new Set(grouping.map(({ name }) => name));
  return families.map((family) => ({
    ...family,
    series: family.series.map(({ name, labels }) => ({
      name,
      labels: canonicalLabels([...labels.filter((label) => !names.has(label.name)), ...grouping]),
    })),
  }));
}
