/** Puts routes and collector together from the settings and the environment of the service. */
import { readFile } from "node:fs/promises";
import type { TargetStore } from "@promferry/target-registry/store";
import type { FastifyInstance } from "fastify";
import type { Settings } from "../config/settings.ts";
import { createMetricsCollector, type MetricsCollector } from "./metrics-collector.ts";
import { authorizationFrom, type PrometheusCredentials } from "./prometheus-authorization.ts";
import { createPrometheusClient } from "./prometheus-client.ts";
import { serviceMetrics } from "./service-metrics-plugin.ts";

export interface RunningServiceMetrics {
  /** To be called while the app is built. */
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** Ends the collector. */
  readonly stop: () => Promise<void>;
}

/**
 * Besides the settings: PROMETHEUS_USERNAME with PROMETHEUS_PASSWORD_FILE, PROMETHEUS_TENANT (sent as `X-Scope-OrgID`), and
 * PROMETHEUS_CA_FILE.
 *
 * @throws {Error} When the CA can't be read, or the collection interval is below ten seconds.
 */
export async function runServiceMetrics(options: {
  readonly settings: Settings;
  readonly store: TargetStore;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Promise<RunningServiceMetrics> {
  const { settings, store, env } = options;
  const { prefix, collect, intervalMs } = settings.metrics;
  const { prometheus: place } = settings;
  const scrapeIntervalMs = settings.policy.endpoints.find(({ name }) => name === "node")?.intervalMs;
  const credentials = credentialsOf(place?.tokenFile, env);
  const caFile = env["PROMETHEUS_CA_FILE"];
  const tenant = env["PROMETHEUS_TENANT"];
  const prometheus =
    place &&
    createPrometheusClient({
      url: place.url,
      ...(credentials && { authorization: authorizationFrom(credentials) }),
      ...(tenant && { headers: { "x-scope-orgid": tenant } }),
      ...(caFile && { ca: await readFile(caFile, "utf8") }),
    });
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

function credentialsOf(
  tokenFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): PrometheusCredentials | undefined {
  const { PROMETHEUS_USERNAME: username, PROMETHEUS_PASSWORD_FILE: passwordFile } = env;
  if (tokenFile !== undefined) return { type: "bearer", tokenFile };
  return username && passwordFile ? { type: "basic", username, passwordFile } : undefined;
}
