/** The metrics that can be asked for, and how Prometheus is asked for them. */
import { VIRTUAL_DEVICES } from "@promferry/target-registry/render";
import { type Level, quote, type Terms } from "./promql.ts";
import {
  durationSelectors,
  durationsOf,
  failedRequests,
  type Over,
  requestSelectors,
  requestsOf,
  requestsWithStatus,
} from "./request-sources.ts";

export type Unit = "percent" | "bytes" | "bytes_per_second" | "requests" | "seconds" | "ratio";

export interface MetricDefinition {
  /** After `<prefix>_<level>_`. */
  readonly suffix: string;
  readonly unit: Unit;
  /** The kind of endpoint that brings it: instances without one are not waited for. */
  readonly endpoint: "node" | "cadvisor" | "app";
  /** Label that keeps its series apart, and what it is called in the answer. Default: one series. */
  readonly by?: { readonly label: string; readonly as: string };
  /** Value at an instant; `undefined` for a total. */
  readonly value?: (terms: Terms) => string;
  /** Growth over a window, such as `3600s`. */
  readonly total?: (terms: Terms, window: string) => string;
  /** Series of which an instance that answers has at least one. */
  readonly presence: (terms: Terms) => readonly string[];
}

const CONTAINER = { label: "name", as: "container" } as const;
/** Without a name they are the machine's own groups, which count the containers again. */
const NAMED = 'name!=""';

const cpu: MetricDefinition = {
  suffix: "cpu_usage_percent",
  unit: "percent",
  endpoint: "node",
  value(terms) {
    const { level, prefix, recorded, once, sum } = terms;
    if (level === "service") return recorded(`${prefix}_service_cpu_usage_percent`);
    const busy = recorded(`${prefix}:instance_cpu_busy:ratio_rate`);
    const cores = recorded(`${prefix}:instance_cpu_cores:count`);
    return `100 * ${sum(once(`${busy} * ${cores}`))} / ${sum(once(`${cores} and ${busy}`))}`;
  },
  presence: ({ prefix, recorded }) => [recorded(`${prefix}:instance_cpu_busy:ratio_rate`)],
};

const memory: MetricDefinition = {
  suffix: "memory_usage_bytes",
  unit: "bytes",
  endpoint: "node",
  value: ({ level, prefix, recorded, once, sum }) =>
    level === "service"
      ? recorded(`${prefix}_service_memory_usage_bytes`)
      : sum(once(recorded(`${prefix}:instance_memory_used:bytes`))),
  presence: ({ prefix, recorded }) => [recorded(`${prefix}:instance_memory_used:bytes`)],
};

function traffic(short: "in" | "out"): readonly MetricDefinition[] {
  const direction = short === "in" ? "receive" : "transmit";
  const bytes = (terms: Terms): string =>
    terms.scraped("node", `node_network_${direction}_bytes_total`, `device!~${quote(VIRTUAL_DEVICES)}`);
  const rate = ({ prefix, recorded }: Terms): string =>
    recorded(`${prefix}:instance_network_${direction}_bytes:rate`);
  return [
    {
      suffix: `network_traffic_${short}_bytes_total`,
      unit: "bytes",
      endpoint: "node",
      total: (terms, window) => terms.sum(terms.once(`increase(${bytes(terms)}[${window}])`, "device")),
      presence: (terms) => [bytes(terms)],
    },
    {
      suffix: `network_traffic_${short}_bytes:rate`,
      unit: "bytes_per_second",
      endpoint: "node",
      value: (terms) =>
        terms.level === "service"
          ? terms.recorded(`${terms.prefix}_service_network_traffic_${short}_bytes:rate`)
          : terms.sum(terms.once(rate(terms))),
      presence: (terms) => [rate(terms)],
    },
  ];
}

const containers: readonly MetricDefinition[] = [
  {
    suffix: "container_cpu_usage_percent",
    unit: "percent",
    endpoint: "cadvisor",
    by: CONTAINER,
    value(terms) {
      const used = terms.scraped("cadvisor", "container_cpu_usage_seconds_total", NAMED);
      return `100 * ${terms.sum(terms.once(`rate(${used}[${terms.windowSeconds}s])`, "name", "cpu"), "name")}`;
    },
    presence: (terms) => [terms.scraped("cadvisor", "container_cpu_usage_seconds_total", NAMED)],
  },
  {
    suffix: "container_memory_usage_bytes",
    unit: "bytes",
    endpoint: "cadvisor",
    by: CONTAINER,
    // Not `usage`: that counts the page cache.
    value: (terms) =>
      terms.sum(
        terms.once(terms.scraped("cadvisor", "container_memory_working_set_bytes", NAMED), "name"),
        "name",
      ),
    presence: (terms) => [terms.scraped("cadvisor", "container_memory_working_set_bytes", NAMED)],
  },
  ...(["in", "out"] as const).map((short): MetricDefinition => {
    const metric = `container_network_${short === "in" ? "receive" : "transmit"}_bytes_total`;
    const bytes = (terms: Terms): string => terms.scraped("cadvisor", metric, NAMED);
    return {
      suffix: `container_network_traffic_${short}_bytes_total`,
      unit: "bytes",
      endpoint: "cadvisor",
      by: CONTAINER,
      total: (terms, window) =>
        terms.sum(terms.once(`increase(${bytes(terms)}[${window}])`, "name", "interface"), "name"),
      presence: (terms) => [bytes(terms)],
    };
  }),
];

const rateOf =
  ({ windowSeconds }: Terms): Over =>
  (selector) =>
    `rate(${selector}[${windowSeconds}s])`;

const requests: readonly MetricDefinition[] = [
  {
    suffix: "http_requests_total",
    unit: "requests",
    endpoint: "app",
    total: (terms, window) => terms.sum(requestsOf(terms, (selector) => `increase(${selector}[${window}])`)),
    presence: requestSelectors,
  },
  {
    suffix: "http_request_duration_seconds",
    unit: "seconds",
    endpoint: "app",
    // Without requests there is no mean, and no error ratio.
    value: (terms) =>
      `${terms.sum(durationsOf(terms, rateOf(terms), "sum"))} / (${terms.sum(durationsOf(terms, rateOf(terms), "count"))} > 0)`,
    presence: (terms) => durationSelectors(terms, "count"),
  },
  {
    suffix: "http_request_duration_seconds:p95",
    unit: "seconds",
    endpoint: "app",
    value: (terms) =>
      `histogram_quantile(0.95, ${terms.sum(durationsOf(terms, rateOf(terms), "bucket"), "le")})`,
    presence: (terms) => durationSelectors(terms, "bucket"),
  },
  {
    suffix: "http_request_errors:ratio",
    unit: "ratio",
    endpoint: "app",
    value(terms) {
      const all = terms.sum(requestsWithStatus(terms, rateOf(terms)));
      return `(${terms.sum(failedRequests(terms, rateOf(terms)))} or ${all} * 0) / (${all} > 0)`;
    },
    presence: requestSelectors,
  },
];

/** In the order of answers. */
export const METRICS: readonly MetricDefinition[] = [
  cpu,
  memory,
  ...traffic("in"),
  ...traffic("out"),
  ...containers,
  ...requests,
];

/** What is answered where no name is asked for. */
const USUAL: readonly string[] = [
  "cpu_usage_percent",
  "memory_usage_bytes",
  "network_traffic_in_bytes_total",
  "network_traffic_out_bytes_total",
];

/** `click_deploy_service_cpu_usage_percent`. */
export function metricName(prefix: string, level: Level, { suffix }: MetricDefinition): string {
  return `${prefix}_${level}_${suffix}`;
}

/** By name, at one level. */
export function metricsByName(prefix: string, level: Level): ReadonlyMap<string, MetricDefinition> {
  return new Map(METRICS.map((metric) => [metricName(prefix, level, metric), metric]));
}

export function usualMetrics(prefix: string, level: Level): readonly string[] {
  return USUAL.map((suffix) => `${prefix}_${level}_${suffix}`);
}
