/** Questions to Prometheus' HTTP API, or to anything that speaks it (Thanos, Mimir, VictoriaMetrics). */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { ProblemError } from "../http/problem.ts";

export interface PrometheusOptions {
  /** Base address, with the path before `/api/v1` where there is one (`https://mimir.internal/prometheus`). */
  readonly url: string;
  /** Value of the Authorization header, asked for with each request so that it can change. Default: none is sent. */
  readonly authorization?: () => Promise<string | undefined>;
  /** Further headers, such as the tenant's `X-Scope-OrgID`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificates that the server's own must come from, in PEM. Default: the system's. */
  readonly ca?: string;
  /** Most bytes of an answer; the list of targets may have four times as many. Default 64 MiB. */
  readonly maxBytes?: number;
  /** How much later than Prometheus we give up ourselves, so that its own words arrive, in milliseconds. Default 1,000. */
  readonly graceMs?: number;
}

/** One series of an answer; an instant answer has one point. */
export interface PrometheusSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Ascending: integer milliseconds since the epoch, and a finite value. Others are left out. */
  readonly points: readonly (readonly [atMs: number, value: number])[];
}

export interface PrometheusAnswer {
  readonly series: readonly PrometheusSeries[];
  /** What the server says is missing in its answer (Thanos, Mimir), at most ten. */
  readonly warnings: readonly string[];
}

export interface AskOptions {
  /** Longest time of the question, in milliseconds; Prometheus is told it, too. Default 10,000. */
  readonly timeoutMs?: number;
  /** Ends it early; rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** All reject with `ProblemError`. */
export interface PrometheusClient {
  query(promql: string, atMs: number, options?: AskOptions): Promise<PrometheusAnswer>;
  /** Evaluated at `fromMs` and every `stepMs` after it up to `toMs`. */
  queryRange(promql: string, range: TimeRange, options?: AskOptions): Promise<PrometheusAnswer>;
  /** Labels, before relabelling, of every target that it scrapes now. Only Prometheus itself can be asked this. */
  activeTargets(options?: AskOptions): Promise<readonly Readonly<Record<string, string>>[]>;
}

/** Integer milliseconds since the epoch, both ends included. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** Redirects are not followed: they would carry the credentials elsewhere. */
export function createPrometheusClient(options: PrometheusOptions): PrometheusClient {
  const { maxBytes = 64 * 1024 ** 2, graceMs = 1_000 } = options;
  const base = options.url.replace(/\/+$/, "");

  async function exchange(
    url: string,
    question: string | undefined,
    { timeoutMs = 10_000, signal }: AskOptions,
    limit = maxBytes,
  ): Promise<ApiAnswer> {
    const authorization = await options.authorization?.().catch((error: NodeJS.ErrnoException) => {
      throw new ProblemError(
        "prometheus_unauthorized",
        `our credentials for Prometheus can't be read: ${error.code ?? "not a file"}`,
        { cause: error },
      );
    });
    const timer = AbortSignal.timeout(timeoutMs + graceMs);
    const form = {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": Buffer.byteLength(question ?? ""),
    };
    let answer: { status: number; body: string };
    try {
      answer = await send(
        new URL(`${base}/api/v1/${url}`),
        {
          method: question === undefined ? "GET" : "POST",
          headers: {
            ...options.headers,
            ...(question !== undefined && form),
            accept: "application/json",
            ...(authorization !== undefined && { authorization }),
          },
          signal: signal === undefined ? timer : AbortSignal.any([timer, signal]),
          ...(options.ca !== undefined && { ca: options.ca }),
        },
        question,
        limit,
      );
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof ProblemError) throw error;
      if (timer.aborted) {
        throw new ProblemError("prometheus_timeout", `Prometheus gave no answer in ${timeoutMs} ms`, {
          cause: error,
        });
      }
      throw new ProblemError(
        "prometheus_unreachable",
        `Prometheus can't be asked: ${(error as NodeJS.ErrnoException).code ?? "the connection failed"}`,
        { cause: error },
      );
    }
    return readAnswer(answer);
  }

  async function ask(
    endpoint: string,
    parameters: Record<string, string>,
    asked: AskOptions = {},
  ): Promise<PrometheusAnswer> {
    const { timeoutMs = 10_000 } = asked;
    const question = new URLSearchParams({ ...parameters, timeout: `${timeoutMs}ms` }).toString();
    return readSeries(await exchange(endpoint, question, asked));
  }

  return {
    query: (promql, atMs, asked) => ask("query", { query: promql, time: seconds(atMs) }, asked),
    queryRange: (promql, { fromMs, toMs, stepMs }, asked) =>
      ask(
        "query_range",
        { query: promql, start: seconds(fromMs), end: seconds(toMs), step: seconds(stepMs) },
        asked,
      ),
    activeTargets: async (asked = {}) =>
      readTargets(await exchange("targets?state=active", undefined, asked, 4 * maxBytes)),
  };
}

function send(
  url: URL,
  options: RequestOptions & { readonly ca?: string },
  body: string | undefined,
  maxBytes: number,
): Promise<{ status: number; body: string }> {
  const begin = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = begin(url, options, (response) => {
      readBody(response, maxBytes).then(
        (text) => resolve({ status: response.statusCode ?? 0, body: text }),
        (error: unknown) => {
          request.destroy();
          reject(error);
        },
      );
    });
    request.once("error", reject);
    request.end(body);
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new ProblemError(
        "prometheus_refused",
        `Prometheus' answer is larger than ${maxBytes} bytes; ask for a shorter time or a longer step`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A successful answer. */
interface ApiAnswer {
  readonly status: number;
  /** As it came, for an error's message. */
  readonly body: string;
  readonly warnings: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}

function readAnswer({ status, body }: { status: number; body: string }): ApiAnswer {
  if (status === 401 || status === 403) {
    throw new ProblemError(
      "prometheus_unauthorized",
      `Prometheus refused our credentials (status ${status})`,
    );
  }
  let answer: Readonly<Record<string, unknown>>;
  try {
    answer = (JSON.parse(body) ?? {}) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw refused(status, body, error);
  }
  const { errorType, error, data } = answer;
  if (errorType === "timeout" || errorType === "canceled") {
    throw new ProblemError("prometheus_timeout", "Prometheus gave the question up: it took too long");
  }
  if (status !== 200 || answer["status"] !== "success" || typeof data !== "object" || data === null) {
    throw refused(status, typeof error === "string" ? error : body);
  }
  const { warnings } = answer;
  return {
    ...{ status, body, data: data as ApiAnswer["data"] },
    warnings: Array.isArray(warnings) ? warnings.slice(0, 10).map(excerpt) : [],
  };
}

function readSeries({ status, body, warnings, data }: ApiAnswer): PrometheusAnswer {
  const { resultType, result } = data;
  if ((resultType !== "vector" && resultType !== "matrix") || !Array.isArray(result)) {
    throw refused(status, body);
  }
  try {
    return { series: (result as Entry[]).map(oneSeries), warnings };
  } catch (error) {
    throw refused(status, body, error);
  }
}

function readTargets({ status, body, data }: ApiAnswer): readonly Readonly<Record<string, string>>[] {
  const { activeTargets } = data;
  if (!Array.isArray(activeTargets)) throw refused(status, body);
  try {
    return activeTargets.map(({ discoveredLabels }) => ({ ...discoveredLabels }));
  } catch (error) {
    throw refused(status, body, error);
  }
}

type Point = readonly [seconds: number, value: string];

interface Entry {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: Point;
  readonly values?: readonly Point[];
}

function oneSeries({ metric, value, values }: Entry): PrometheusSeries {
  const points = (values ?? (value === undefined ? [] : [value]))
    .map(([at, text]) => [Math.round(at * 1_000), Number(text)] as const)
    .filter(([, number]) => Number.isFinite(number));
  return { labels: { ...metric }, points };
}

function refused(status: number, words: unknown, cause?: unknown): ProblemError {
  return new ProblemError(
    "prometheus_refused",
    `Prometheus answered with status ${status}: ${excerpt(words)}`,
    { cause },
  );
}

function excerpt(words: unknown): string {
  return String(words).slice(0, 200);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
