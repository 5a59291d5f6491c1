/** Puts routes and collector together from the settings and the environment of the service. */
import type { TargetStore } from "@promferry/target-registry/store";
import type { FastifyInstance } from "fastify";
import type { Settings } from "../config/settings.ts";
import type { PrometheusClient } from "../prometheus/prometheus-client.ts";
import { createMetricsCollector, type MetricsCollector } from "./metrics-collector.ts";
import { serviceMetrics } from "./service-metrics-plugin.ts";

export interface RunningServiceMetrics {
  /** To be called while the app is built. */
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** Ends the collector. */
  readonly stop: () => Promise<void>;
}

/** The collector throws while the app is built when its interval is below ten seconds. */
export function runServiceMetrics(options: {
  readonly settings: Settings;
  readonly store: TargetStore;
  readonly prometheus: PrometheusClient | undefined;
}): RunningServiceMetrics {
  const { settings, store, prometheus } = options;
  const { prefix, collect, intervalMs } = settings.metrics;
  const scrapeIntervalMs = settings.policy.endpoints.find(({ name }) => name === "node")?.intervalMs;
  let collector: MetricsCollector | undefined;
  return {
    async routes(app) {
      await app.register(serviceMetrics, {
        ...{ store, metricPrefix: prefix },
        ...(scrapeIntervalMs && { intervalMs: scrapeIntervalMs }),
        ...(prometheus && { prometheus }),
      });
      if (!collect || prometheus === undefined) return;
      collector = createMetricsCollector({
        ...{ table: store, leadership: store, prometheus, prefix, intervalMs },
        ...(scrapeIntervalMs && { scrapeIntervalMs }),
        onError: (error) => app.log.warn({ err: error }, "metrics were not collected"),
      });
    },
    stop: async () => collector?.stop(),
  };
}
