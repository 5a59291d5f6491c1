import { SERVICE_METRICS } from "@promferry/target-registry/render";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { InstanceMirror } from "../discovery/instance-mirror.ts";
import type { ListCache } from "../discovery/list-cache.ts";

/** What routes and loops count. */
export interface ServiceCounters {
  tokenMisuse(): void;
  /** @param seconds From the first byte to the last. */
  request(route: string, method: string, status: number, seconds: number): void;
  /** Latest sweep of this replica; undefined while another one leads. */
  swept(report: { readonly held: readonly string[]; readonly lapsed: readonly string[] } | undefined): void;
}

export interface ServiceMetrics {
  readonly counters: ServiceCounters;
  /** Text format 0.0.4. */
  page(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  readonly mirror: InstanceMirror;
  readonly lists: ListCache;
  readonly endpoints: readonly string[];
  /** Whether the process itself is shown. Default true. */
  readonly process?: boolean;
}

/** What the service says of itself, under the names that the generated alert rules rely on. */
export function createServiceMetrics(options: MetricsOptions): ServiceMetrics {
  const { mirror, lists, endpoints } = options;
  const registry = new Registry();
  if (options.process !== false) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const instances = new Gauge({
    name: SERVICE_METRICS.instances,
    help: "Instances in each state.",
    labelNames: ["state"],
    registers,
  });
  const served = new Gauge({
    name: SERVICE_METRICS.served,
    help: "Targets in the whole list of an endpoint.",
    labelNames: ["endpoint"],
    registers,
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const authoritative = gauge(SERVICE_METRICS.authoritative, "Whether lists may be served.");
  const listAge = gauge(
    SERVICE_METRICS.listAge,
    "Seconds since the list was last known to be that of the store.",
  );
  const listRevision = gauge(SERVICE_METRICS.listRevision, "Revision of the store that the list shows.");
  const held = gauge(SERVICE_METRICS.heldLapses, "Instances whose lapse the guard holds.");
  const leads = gauge("promferry_targets_sweep_leader", "Whether this replica sweeps.");
  const lapsed = new Counter({
    name: "promferry_targets_lapsed_total",
    help: "Deadlines that this replica has put into effect.",
    registers,
  });
  const misuse = new Counter({
    name: SERVICE_METRICS.tokenMisuse,
    help: "Uses of a join token that another key had used.",
    registers,
  });
  const requests = new Histogram({
    name: "promferry_targets_http_request_duration_seconds",
    help: "Requests by route, method and status.",
    labelNames: ["route", "method", "status"],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers,
  });

  async function look(): Promise<void> {
    // The age tells what went wrong with the store; this page is there to be read all the same.
    const view = await mirror.view().catch(() => mirror.latest());
    if (view === undefined) return;
    for (const [state, count] of Object.entries(view.states)) instances.set({ state }, count);
    authoritative.set(view.authoritative ? 1 : 0);
    listRevision.set(view.rev);
    listAge.set(Math.max(0, performance.now() - view.checkedAt) / 1_000);
    if (!view.authoritative) return served.reset();
    for (const endpoint of endpoints) {
      const list = await lists.get({ endpoint }).catch(() => undefined);
      if (list !== undefined) served.set({ endpoint }, list.count);
    }
  }

  return {
    contentType: registry.contentType,
    counters: {
      tokenMisuse: () => misuse.inc(),
      request: (route, method, status, seconds) =>
        requests.observe({ route, method, status: String(status) }, seconds),
      swept(report) {
        leads.set(report === undefined ? 0 : 1);
        held.set(report?.held.length ?? 0);
        lapsed.inc(report?.lapsed.length ?? 0);
      },
    },
    async page() {
      await look();
      return registry.metrics();
    },
  };
}
