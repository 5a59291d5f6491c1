/** Composes the service from its settings. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import type { ServerOptions as TlsOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createAddressPolicy } from "@promferry/target-registry";
import { type Fence, StoreError, type TargetStore } from "@promferry/target-registry/store";
import type { FastifyInstance } from "fastify";
import { openTokenFile } from "./auth/token-file.ts";
import { type Settings, SettingsError } from "./config/settings.ts";
import { createFileSync } from "./discovery/file-sync.ts";
import { createInstanceMirror } from "./discovery/instance-mirror.ts";
import { createListCache } from "./discovery/list-cache.ts";
import { buildApp } from "./http/build-app.ts";
import { createHeartbeats } from "./lease/heartbeats.ts";
import { repeat } from "./lease/repeat.ts";
import { sweepOnce } from "./lease/sweep.ts";
import { openAuditFile } from "./observe/audit-file.ts";
import { createServiceMetrics } from "./observe/metrics.ts";
import type { PrometheusClient } from "./prometheus/prometheus-client.ts";
import { createScrapingPrometheus } from "./prometheus/scraping-prometheus.ts";
import type { Service } from "./service.ts";
import { createWorkshop } from "./user-data/workshop.ts";

export interface RunningService {
  /** Where it listens. */
  readonly url: string;
  /** Reads the certificate and its key again, for connections to come. */
  readonly reloadTls: () => Promise<void>;
  /**
   * Ends it in order: not ready, long polls answered, requests that run finished, leadership given up, store closed.
   * A client that neither sends nor reads on is cut off after `lastWordsMs`. Can be called again.
   */
  readonly stop: () => Promise<void>;
}

export interface RunOptions {
  readonly settings: Settings;
  /** Opened by the caller, closed by `stop`. */
  readonly store: TargetStore;
  /** The Prometheus that scrapes what is registered here. Default: none. */
  readonly prometheus?: PrometheusClient;
  /** Where log lines go. Default: standard output. */
  readonly logStream?: { write(line: string): void };
  /** Further routes. */
  readonly extraRoutes?: (app: FastifyInstance) => void | Promise<void>;
  /** How long `stop` waits for requests that are under way, in milliseconds. Default 10,000. */
  readonly lastWordsMs?: number;
}

/** Two changes of the files are at least so far apart: Prometheus reads all of them again at each. */
const FILES_MS = 2_000;
const TIDY_MS = 600_000;

/**
 * @throws {SettingsError} When a file that the settings name can't be used.
 * @throws {Error} When it can't listen.
 */
export async function runService({ settings, store, ...options }: RunOptions): Promise<RunningService> {
  const { policy, timings, targets } = settings;
  const stopping = new AbortController();
  const mirror = createInstanceMirror(store);
  const lists = createListCache(mirror);
  const endpoints = policy.endpoints.map(({ name }) => name);
  const metrics = createServiceMetrics({ mirror, lists, endpoints });
  const prometheus =
    options.prometheus &&
    createScrapingPrometheus(options.prometheus, {
      onError: (error) => app.log.warn({ err: error }, "Prometheus gives no evidence"),
    });
  let address = "";
  const service: Service = {
    ...{ store, policy, timings, mirror, lists, prometheus, stopping: stopping.signal },
    addresses: createAddressPolicy(policy),
    heartbeats: createHeartbeats(store),
    workshop: createWorkshop(),
    counters: metrics.counters,
    get publicUrl() {
      return settings.publicUrl ?? address;
    },
    agentCa: settings.agentCaFile && (await usable("agent_ca_file", readFile(settings.agentCaFile, "utf8"))),
    metricPrefix: settings.metrics.prefix,
  };
  const audit =
    settings.auditFile === undefined
      ? undefined
      : await usable(
          "audit_file",
          openAuditFile(settings.auditFile, (entries, error) => {
            app.log.error({ err: error }, "the audit file can't be written; what it lacks stands here");
            const auditLog = app.log.child({ audit: true }, { level: "info" });
            for (const entry of entries) auditLog.info(entry);
          }),
        );
  const tls = await tlsOptions(settings.tls);
  const app = await buildApp({
    ...{ service, metrics, rateLimits: settings.rateLimits, trustProxy: settings.trustProxy },
    tokens: await openTokenFile(settings.tokensFile, {
      onError: (error) => app.log.error({ err: error }, "the token file can't be used; the old tokens stay"),
    }),
    clientCertificates: settings.tls?.clientCaFile !== undefined,
    log: { level: settings.logLevel, ...(options.logStream && { stream: options.logStream }) },
    ...(audit && { audit: audit.write }),
    ...(tls && { tls }),
    ...(options.extraRoutes && { extraRoutes: options.extraRoutes }),
  });
  if (settings.acceptNewStore && !(await store.info()).authoritative) {
    await store.setAuthoritative({ actor: "operator" });
  }
  if (targets !== undefined) await mkdir(targets.dir, { recursive: true });
  await app.listen({ host: settings.host, port: settings.port });
  const { port } = app.server.address() as AddressInfo;
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  address = `${tls === undefined ? "http" : "https"}://${host}:${port}`;

  const holder = randomUUID();
  let fence: Fence | undefined;
  let tidiedAt = performance.now();
  const sweep = async (): Promise<void> => {
    const report = await sweepOnce({
      ...{ store, timings, holder, ttlMs: 3 * settings.sweepMs },
      ...(prometheus && { evidence: prometheus }),
    });
    metrics.counters.swept(report);
    fence = report?.fence;
    if (report === undefined) return;
    const { lapsed, held, extendedMs } = report;
    if (lapsed.length + held.length > 0 || extendedMs > 0) {
      app.log.info({ lapsed: lapsed.length, held: held.length, extendedMs }, "swept");
    }
    if (performance.now() - tidiedAt < TIDY_MS) return;
    await store.tidy(report.fence);
    tidiedAt = performance.now();
  };
  const loops = [
    repeat(sweep, settings.sweepMs, stopping.signal, (error) => {
      // While an export runs nothing lapses; whoever took over the leadership goes on.
      const expected =
        error instanceof StoreError && ["ERR_STORE_FENCED", "ERR_STORE_FROZEN"].includes(error.code);
      app.log[expected ? "info" : "error"]({ err: error }, "the sweep did not end");
    }),
  ];
  if (targets !== undefined) {
    const onError = (error: unknown): void => app.log.warn({ err: error }, "a list was not written");
    const sync = createFileSync({ ...targets, endpoints, lists, onError });
    loops.push(repeat(sync, FILES_MS, stopping.signal, onError));
  }

  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    stopping.abort();
    await delay(settings.drainMs);
    // Node no longer watches over the time of requests once a server closes: half a request would hold it open for good.
    const cutOff = setTimeout(() => app.server.closeAllConnections(), options.lastWordsMs ?? 10_000);
    await app.close();
    clearTimeout(cutOff);
    await Promise.all(loops);
    await service.workshop.close();
    if (fence !== undefined) await store.resign(fence).catch(() => {});
    await store.close();
    await audit?.close();
  }
  return {
    url: address,
    async reloadTls() {
      const fresh = await tlsOptions(settings.tls);
      if (fresh !== undefined && "setSecureContext" in app.server) {
        (app.server as unknown as { setSecureContext(options: TlsOptions): void }).setSecureContext(fresh);
      }
    },
    stop: () => (stopped ??= stop()),
  };
}

async function tlsOptions(tls: Settings["tls"]): Promise<TlsOptions | undefined> {
  if (tls === undefined) return undefined;
  const [cert, key, ca] = await Promise.all([
    usable("tls.cert_file", readFile(tls.certFile)),
    usable("tls.key_file", readFile(tls.keyFile)),
    tls.clientCaFile === undefined ? undefined : usable("tls.client_ca_file", readFile(tls.clientCaFile)),
  ]);
  // Instances have no certificate: whether one is needed is for the role to say.
  const client = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false };
  return { cert, key, minVersion: "TLSv1.2", ...client };
}

/** @throws {SettingsError} Naming the key whose file can't be used. */
async function usable<T>(key: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new SettingsError(`${key}: ${(error as Error).message}`, { cause: error });
  }
}
