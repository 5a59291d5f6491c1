/**
 * Copies derived values from Prometheus into the store's table, for platforms that read them there. Prometheus stays
 * the source of truth: what it does not have is not written, and nothing is filled in later.
 */
import { createHash, randomUUID } from "node:crypto";
import { isId } from "@promferry/target-registry";
import { TARGET_LABELS } from "@promferry/target-registry/render";
import type { Fence, MetricRow, TargetStore } from "@promferry/target-registry/store";
import type { PrometheusClient } from "../prometheus/prometheus-client.ts";
import { METRICS, metricName } from "./metric-catalogue.ts";
import { createTerms, type Level } from "./promql.ts";

/** The part of a store that keeps derived values. Rows of a known id are ignored; the store's `tidy` ends old ones. */
export type MetricsTable = Pick<TargetStore, "addMetrics" | "metrics">;

export interface MetricsCollectorOptions {
  readonly table: MetricsTable;
  readonly prometheus: PrometheusClient;
  /** Of several replicas only the leader collects. */
  readonly leadership: Pick<TargetStore, "lead" | "resign">;
  /** METRICS_COLLECTION_INTERVAL, in milliseconds; at least 10,000. Default 60,000. */
  readonly intervalMs?: number;
  /** Default: services alone. */
  readonly levels?: readonly Level[];
  /** As for the routes. */
  readonly prefix?: string;
  readonly jobs?: Readonly<Record<string, string>>;
  readonly scrapeIntervalMs?: number;
  /** Told of a round that failed; the next one is tried all the same. */
  readonly onError: (error: unknown) => void;
  /** Default `Date.now`. */
  readonly now?: () => number;
}

export interface MetricsCollector {
  /** One round for the interval that has ended last; the number of rows, 0 where another replica leads. */
  collect(): Promise<number>;
  /** Ends the timer, waits for the round under way, and lets another replica collect. */
  stop(): Promise<void>;
}

/** Names that are stored: what is the same whatever range is asked for, and the traffic of the interval. */
const STORED: readonly string[] = [
  "cpu_usage_percent",
  "memory_usage_bytes",
  "network_traffic_in_bytes_total",
  "network_traffic_out_bytes_total",
];
const BATCH = 1_000;
/** What a round may take before another replica thinks that this one has died. */
const ROUND_MS = 60_000;

/**
 * @throws {RangeError} When the interval is below ten seconds.
 */
export function createMetricsCollector(options: MetricsCollectorOptions): MetricsCollector {
  const { table, prometheus, leadership, onError, prefix = "click_deploy" } = options;
  const { intervalMs = 60_000, scrapeIntervalMs = 30_000, levels = ["service"], now = Date.now } = options;
  if (!Number.isInteger(intervalMs) || intervalMs < 10_000) {
    throw new RangeError(`intervalMs: expected at least 10,000, found ${intervalMs}`);
  }
  const holder = randomUUID();
  const stopping = new AbortController();
  let fence: Fence | null = null;

  async function collect(): Promise<number> {
    fence = await leadership.lead("metrics", holder, intervalMs + Math.min(intervalMs, ROUND_MS));
    if (fence === null) return 0;
    // The same instant whoever collects it: a round that is done twice writes its rows once.
    const atMs = Math.floor(now() / intervalMs) * intervalMs;
    let count = 0;
    for (const level of levels) {
      const rows = await collectLevel(level, atMs);
      for (let i = 0; i < rows.length; i += BATCH) await table.addMetrics(rows.slice(i, i + BATCH));
      count += rows.length;
    }
    return count;
  }

  async function collectLevel(level: Level, atMs: number): Promise<readonly MetricRow[]> {
    const jobs = options.jobs === undefined ? {} : { jobs: options.jobs };
    const terms = createTerms({ level, scope: {}, prefix, intervalMs: scrapeIntervalMs, ...jobs });
    const windowMs = Math.max(intervalMs, terms.windowSeconds * 1_000);
    const rows: MetricRow[] = [];
    for (const metric of METRICS.filter(({ suffix }) => STORED.includes(suffix))) {
      const growth = metric.total?.(terms, `${windowMs}ms`);
      const promql =
        metric.value?.(terms) ?? (windowMs === intervalMs ? growth : `${growth} * ${intervalMs / windowMs}`);
      const answer = await prometheus.query(promql ?? "", atMs, { signal: stopping.signal });
      const name = metricName(prefix, level, metric);
      for (const {
        labels,
        points: [point],
      } of answer.series) {
        const resourceId = labels[TARGET_LABELS[level]] ?? "";
        const project = labels[TARGET_LABELS.project] ?? "";
        if (point === undefined || !isId(resourceId) || !isId(project)) continue;
        rows.push({
          id: rowId([level, project, resourceId, name, atMs]),
          resourceType: level,
          resourceId,
          name,
          value: point[1],
          at: atMs,
          labels: { unit: metric.unit, ...labels },
        });
      }
    }
    return rows;
  }

  let round: Promise<unknown> = Promise.resolve();
  let isRunning = false;
  const timer = setInterval(() => {
    if (isRunning) return;
    isRunning = true;
    round = collect()
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) onError(error);
      })
      .finally(() => {
        isRunning = false;
      });
  }, intervalMs);
  timer.unref();

  return {
    collect,
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await round;
      if (fence !== null) await leadership.resign(fence).catch(() => {});
    },
  };
}

/** A UUID that the same row always has. */
function rowId(parts: readonly (string | number)[]): string {
  const hex = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
