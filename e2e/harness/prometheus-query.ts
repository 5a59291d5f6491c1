/**
 * Questions to a server that speaks Prometheus' query API: Prometheus and VictoriaMetrics.
 *
 * Values stay the strings that the server sent, so that a test compares exactly; times are milliseconds.
 */

/** Label set of one series, `__name__` among them. */
export type Labels = Readonly<Record<string, string>>;

export interface StoredSample {
  readonly timestampMs: number;
  readonly value: string;
}

export interface InstantResult extends StoredSample {
  readonly labels: Labels;
}

export interface StoredSeries {
  readonly labels: Labels;
  /** Ascending in time. */
  readonly samples: readonly StoredSample[];
}

type Point = [seconds: number, value: string];

/**
 * The instant vector or scalar that `promql` gives.
 *
 * @param timeMs Default: the server's now.
 */
export async function query(url: string, promql: string, timeMs?: number): Promise<readonly InstantResult[]> {
  const data = await ask(url, "query", {
    query: promql,
    ...(timeMs === undefined ? {} : { time: seconds(timeMs) }),
  });
  const { resultType, result } = data as { resultType: string; result: unknown };
  if (resultType === "scalar") return [{ labels: {}, ...sample(result as Point) }];
  return (result as { metric: Labels; value: Point }[]).map(({ metric, value }) => ({
    labels: metric,
    ...sample(value),
  }));
}

/** `promql` evaluated every `stepMs` from `fromMs` to `toMs`, both included. */
export async function queryRange(
  url: string,
  promql: string,
  range: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): Promise<readonly StoredSeries[]> {
  const data = await ask(url, "query_range", {
    query: promql,
    start: seconds(range.fromMs),
    end: seconds(range.toMs),
    step: seconds(range.stepMs),
  });
  return storedSeries(data);
}

/** Label sets of the series that `selector` matches between two instants. */
export async function series(
  url: string,
  selector: string,
  fromMs: number,
  toMs: number,
): Promise<readonly Labels[]> {
  return (await ask(url, "series", {
    "match[]": selector,
    start: seconds(fromMs),
    end: seconds(toMs),
  })) as Labels[];
}

/**
 * Every stored sample of the series that `selector` matches, `fromMs` and `toMs` included, in the order of their labels.
 *
 * Stale markers do not show. For VictoriaMetrics prefer `exportedSamples`: its query API may round.
 */
export async function samplesOf(
  url: string,
  selector: string,
  fromMs: number,
  toMs: number,
): Promise<readonly StoredSeries[]> {
  // A range is open on its left, from Prometheus 3 on.
  const data = await ask(url, "query", { query: `${selector}[${toMs - fromMs + 1}ms]`, time: seconds(toMs) });
  return storedSeries(data);
}

/** What VictoriaMetrics holds, by its export: every copy of every sample, in the order of their labels. */
export async function exportedSamples(
  url: string,
  selector: string,
  fromMs: number,
  toMs: number,
): Promise<readonly StoredSeries[]> {
  await read(new Request(`${url}/internal/force_flush`));
  const parameters = new URLSearchParams({
    "match[]": selector,
    start: seconds(fromMs),
    end: seconds(toMs),
    reduce_mem_usage: "1",
  });
  const lines = await read(new Request(`${url}/api/v1/export?${parameters}`));
  const blocks = lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { metric: Labels; values: unknown[]; timestamps: number[] });
  // One line is one stored block; a series can have several.
  const bySeries = new Map<string, { labels: Labels; samples: StoredSample[] }>();
  for (const { metric, values, timestamps } of blocks) {
    const key = labelKey(metric);
    const entry = bySeries.get(key) ?? { labels: metric, samples: [] };
    bySeries.set(key, entry);
    for (const [i, timestampMs] of timestamps.entries()) {
      entry.samples.push({ timestampMs, value: String(values[i]) });
    }
  }
  for (const entry of bySeries.values()) entry.samples.sort((a, b) => a.timestampMs - b.timestampMs);
  return [...bySeries.values()].sort(byLabels);
}

function storedSeries(data: unknown): StoredSeries[] {
  const { result } = data as { result: { metric: Labels; values: Point[] }[] };
  return result.map(({ metric, values }) => ({ labels: metric, samples: values.map(sample) })).sort(byLabels);
}

function sample([at, value]: Point): StoredSample {
  return { timestampMs: Math.round(at * 1000), value };
}

function byLabels(a: { labels: Labels }, b: { labels: Labels }): number {
  const left = labelKey(a.labels);
  const right = labelKey(b.labels);
  return left < right ? -1 : left > right ? 1 : 0;
}

function labelKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

async function ask(url: string, endpoint: string, parameters: Record<string, string>): Promise<unknown> {
  const body = await read(
    new Request(`${url}/api/v1/${endpoint}`, { method: "POST", body: new URLSearchParams(parameters) }),
  );
  return (JSON.parse(body) as { data: unknown }).data;
}

async function read(request: Request): Promise<string> {
  const answer = await fetch(request, { signal: AbortSignal.timeout(30_000) });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${request.url} answered ${answer.status}: ${body.slice(0, 500)}`);
  return body;
}
