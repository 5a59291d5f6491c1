/** What a Prometheus has of histograms and exemplars, through its query API. */
import type { Labels } from "../harness/index.ts";

/** A native histogram as the API shows it; numbers are the server's own text. */
export interface ShownHistogram {
  readonly count: string;
  readonly sum: string;
  /** Rule for the bounds, lower bound, upper bound, count; only buckets that hold something. */
  readonly buckets?: readonly (readonly [rule: number, lower: string, upper: string, count: string])[];
}

/** By series, as `{"__name__":…}` in the order of label names: a number's text, or a histogram. */
export type Instant = Readonly<Record<string, string | ShownHistogram>>;

interface VectorResult {
  readonly metric: Labels;
  readonly value?: readonly [number, string];
  readonly histogram?: readonly [number, ShownHistogram];
}

export async function instant(url: string, promql: string, timeMs?: number): Promise<Instant> {
  const time = timeMs === undefined ? "" : `&time=${timeMs / 1000}`;
  const { result } = (await get(`${url}/api/v1/query?query=${encodeURIComponent(promql)}${time}`)) as {
    result: VectorResult[];
  };
  return Object.fromEntries(
    result
      .map(({ metric, value, histogram }) => [keyOf(metric), histogram?.[1] ?? value?.[1] ?? ""] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** One line for each exemplar: series, labels, value, time in milliseconds. */
export async function exemplars(
  url: string,
  promql: string,
  fromMs: number,
  toMs: number,
): Promise<string[]> {
  const range = `start=${fromMs / 1000}&end=${toMs / 1000}`;
  const data = (await get(`${url}/api/v1/query_exemplars?query=${encodeURIComponent(promql)}&${range}`)) as {
    seriesLabels: Labels;
    exemplars: { labels: Labels; value: string; timestamp: number }[];
  }[];
  return data
    .flatMap(({ seriesLabels, exemplars: shown }) =>
      shown.map(
        ({ labels, value, timestamp }) =>
          `${keyOf(seriesLabels)} ${keyOf(labels)} ${value} ${Math.round(timestamp * 1000)}`,
      ),
    )
    .sort();
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}

async function get(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  const body = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${body.slice(0, 300)}`);
  return (JSON.parse(body) as { data: unknown }).data;
}
