/** The API over a memory store with a clock of its own; every answer is held against the schema of its route. */
import {
  createAddressPolicy,
  DEFAULT_POLICY,
  DEFAULT_TIMINGS,
  hashSecret,
  type Policy,
} from "@promferry/target-registry";
import { createMemoryStore, type TargetStore } from "@promferry/target-registry/store";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import type { Caller } from "../src/auth/caller.ts";
import { fixedTokens } from "../src/auth/token-file.ts";
import { createInstanceMirror } from "../src/discovery/instance-mirror.ts";
import { createListCache } from "../src/discovery/list-cache.ts";
import { type AppOptions, type AuditEntry, buildApp } from "../src/http/build-app.ts";
import { createHeartbeats } from "../src/lease/heartbeats.ts";
import { createServiceMetrics } from "../src/observe/metrics.ts";
import type { Service } from "../src/service.ts";
import { createWorkshop } from "../src/user-data/workshop.ts";

export const NODE_10 = { name: "node", address: "10.0.0.10", port: 9100 } as const;
export const SPEC = { project: "p-1", service: "web", endpoints: [NODE_10] } as const;
export const TOKEN_REQUEST = {
  project: "p-1",
  service: "web",
  ranges: ["10.0.0.0/24"],
  endpoints: ["node"],
} as const;
export const BOOT = "5c6f8a3e-7d11-4f0e-9d43-6b1f7a0f2c55";

const CALLERS = {
  platform: { role: "platform", name: "cloud" },
  registrar: { role: "registrar", name: "ci", project: "p-1" },
  foreigner: { role: "registrar", name: "other", project: "p-2" },
  bounded: { role: "registrar", name: "edge", project: "p-1", ranges: ["10.0.1.0/24"] },
  reader: { role: "reader", name: "prometheus" },
  tenant: { role: "reader", name: "tenant", project: "p-1", endpoints: ["node"] },
} as const satisfies Readonly<Record<string, Exclude<Caller, { role: "instance" }>>>;

/** A credential of the test's: a name of `CALLERS`, or any text. */
export type As = keyof typeof CALLERS;

export interface CallOptions {
  /** Who calls. Default: nobody. */
  readonly as?: As;
  /** A credential as it is. */
  readonly bearer?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Address that the call comes from. Default 127.0.0.1. */
  readonly from?: string;
}

export interface TestService {
  readonly app: FastifyInstance;
  readonly service: Service;
  readonly store: TargetStore;
  readonly clock: { at: number };
  readonly audit: readonly AuditEntry[];
  /** Answers that were not what their route's schema says. */
  readonly strays: readonly string[];
  readonly stop: AbortController;
  call(line: string, options?: CallOptions): Promise<LightMyRequestResponse>;
  /** Joins with a fresh token; gives the instance's key. */
  join(id: string, address?: string, project?: string): Promise<string>;
}

export interface TestServiceOptions {
  readonly store?: TargetStore;
  readonly policy?: Partial<Policy>;
  readonly authoritative?: boolean;
  /** The audit stands in the log, as it does by default outside of tests. */
  readonly auditInLog?: boolean;
  readonly service?: Partial<Service>;
  readonly app?: Partial<AppOptions>;
}

export function credentialOf(as: As): string {
  return `pft_test_${as}_${"x".repeat(32)}`;
}

export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const clock = { at: Date.parse("2026-01-01T00:00:00Z") };
  const store = options.store ?? createMemoryStore({ now: () => clock.at });
  if (options.authoritative !== false) await store.setAuthoritative({ actor: "operator" });
  const policy = { ...DEFAULT_POLICY, ...options.policy };
  const mirror = createInstanceMirror(store, { freshMs: 0 });
  const lists = createListCache(mirror);
  const metrics = createServiceMetrics({
    ...{ mirror, lists, process: false },
    endpoints: policy.endpoints.map(({ name }) => name),
  });
  const stop = new AbortController();
  const service: Service = {
    ...{ store, policy, mirror, lists, timings: DEFAULT_TIMINGS, counters: metrics.counters },
    addresses: createAddressPolicy(policy),
    heartbeats: createHeartbeats(store, { flushMs: 0 }),
    workshop: createWorkshop(),
    publicUrl: "https://targets.internal",
    agentCa: undefined,
    metricPrefix: "click_deploy",
    prometheus: undefined,
    stopping: stop.signal,
    ...options.service,
  };
  const audit: AuditEntry[] = [];
  const strays: string[] = [];
  const app = await buildApp({
    service,
    metrics,
    tokens: fixedTokens(
      Object.entries(CALLERS).map(([name, caller]) => ({
        sha256: hashSecret(credentialOf(name as As)),
        caller,
        expiresAt: Infinity,
      })),
    ),
    clientCertificates: false,
    ...(options.auditInLog ? {} : { audit: (entry) => audit.push(entry) }),
    ...options.app,
    async extraRoutes(app) {
      watchAnswers(app, strays);
      await options.app?.extraRoutes?.(app);
    },
  });
  const call: TestService["call"] = (line, { as, bearer, body, headers, from } = {}) => {
    const [method, url] = line.split(" ") as [InjectOptions["method"] & string, string];
    const credential = as === undefined ? bearer : credentialOf(as);
    return app.inject({
      ...{ method, url, remoteAddress: from ?? "127.0.0.1" },
      headers: { ...(credential && { authorization: `Bearer ${credential}` }), ...headers },
      ...(body !== undefined && { payload: body as object }),
    } as InjectOptions);
  };
  return {
    ...{ app, service, store, clock, audit, strays, stop, call },
    async join(id, address = NODE_10.address, project = TOKEN_REQUEST.project) {
      const body = { ...TOKEN_REQUEST, project };
      const token = await call("POST /v1/join-tokens", { as: "platform", body });
      const key = `key of ${id} ${"k".repeat(32)}`.replaceAll(" ", "-");
      const joined = await call("POST /v1/join", {
        body: {
          token: (token.json() as { token: string }).token,
          ...{ instance_id: id, boot_id: BOOT, key: hashSecret(key) },
          endpoints: [{ name: "node", address }],
        },
      });
      if (joined.statusCode !== 201) throw new Error(`join: ${joined.body}`);
      return key;
    },
  };
}

/** Fastify drops what a schema does not name; this also sees what it lets pass. */
function watchAnswers(app: FastifyInstance, strays: string[]): void {
  app.addHook("onSend", async (request, reply, payload) => {
    if (request.is404 || request.routeOptions.url === undefined) return payload;
    const name = `${request.method} ${request.routeOptions.url} ${reply.statusCode}`;
    const all = request.routeOptions.schema?.response as Readonly<Record<number, AnswerSchema>> | undefined;
    const answer = all?.[reply.statusCode];
    if (answer === undefined) {
      strays.push(`${name}: this status is not declared`);
      return payload;
    }
    const schema =
      answer.content === undefined
        ? answer
        : (answer.content["application/problem+json"] ?? answer.content["application/json"])?.schema;
    const type = String(reply.getHeader("content-type") ?? "");
    if (reply.statusCode >= 400 && request.routeOptions.url !== "/readyz" && !type.includes("problem+json")) {
      strays.push(`${name}: ${type} is no problem document`);
    }
    if (schema === undefined || typeof payload !== "string") return payload;
    const check = request.compileValidationSchema(schema as Record<string, unknown>);
    if (!check(JSON.parse(payload))) strays.push(`${name}: ${payload}: ${JSON.stringify(check.errors)}`);
    return payload;
  });
}

interface AnswerSchema {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
