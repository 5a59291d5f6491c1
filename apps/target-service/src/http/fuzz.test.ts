/** Whatever is sent, on either embedded store: a 4xx problem document or a success by the schema, never a 5xx, and no change where it was refused. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore, type StoreRecord, type TargetStore } from "@promferry/target-registry/store";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type As,
  type CallOptions,
  startTestService,
  type TestService,
  TOKEN_REQUEST,
} from "../../test/test-service.ts";
import type { PrometheusClient } from "../prometheus/prometheus-client.ts";
import { serviceMetrics } from "../service-metrics/service-metrics-plugin.ts";
import { openSqliteStore } from "../stores/index.ts";
import { PROBLEMS } from "./problem-table.ts";

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly body: Schema | undefined;
  readonly query: readonly { readonly name: string; readonly schema: Schema }[];
}

const AT = Date.parse("2026-01-01T00:00:00Z");

let own: TestService;
let operations: readonly Operation[];
let key: string;
/** Join tokens that are good until one of them is used. */
let tokens: readonly string[];

/** A Prometheus that has nothing: its questions are another test's matter. */
const noData = async () => ({ series: [], warnings: [] });
const prometheus: PrometheusClient = { query: noData, queryRange: noData, activeTargets: async () => [] };

async function start(store: TargetStore): Promise<void> {
  own = await startTestService({
    store,
    app: {
      rateLimits: { platform: 1e7, instance: 1e7, join: 1e7, reader: 1e7 },
      extraRoutes: async (app) => void (await app.register(serviceMetrics, { store, prometheus })),
    },
  });
  key = await own.join("i-1");
  tokens = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const minted = await own.call("POST /v1/join-tokens", { as: "platform", body: TOKEN_REQUEST });
      return (minted.json() as { token: string }).token;
    }),
  );
  const { paths } = (await own.call("GET /openapi.json")).json() as {
    paths: Record<string, Record<string, OpenapiOperation>>;
  };
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody, parameters = [] }]) => ({
      method: method.toUpperCase(),
      path,
      body: requestBody?.content["application/json"].schema,
      query: parameters.filter((entry) => entry.in === "query"),
    })),
  );
}

interface OpenapiOperation {
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
}

/** Texts that are close to what is meant, and texts that nobody means. */
const text = fc.oneof(
  fc.constantFrom(
    "p-1",
    "web",
    "i-1",
    "node",
    "10.0.0.0/24",
    "10.0.0.10",
    "::1",
    "127.0.0.1",
    "debian",
    "default",
  ),
  fc.constantFrom(
    "",
    "\0",
    "\ud800",
    "__proto__",
    "constructor",
    "a".repeat(5_000),
    "../..",
    "１０.0.0.1",
    "%00",
  ),
  fc.constantFrom("0.0.0.0/0", "169.254.169.254", "::ffff:127.0.0.1", "#cloud-config\nruncmd: [\n", "i'; --"),
  fc.string({ unit: "binary", maxLength: 40 }),
);

/** What makes sense in a field of this name: a document of nothing else gets past the schema, to the store. */
const SENSIBLE: Readonly<Record<string, readonly string[]>> = {
  ...{ project: ["p-1", "p-2"], service: ["web"], scope: ["default"], instance_id: ["i-1", "i-2", "i-9"] },
  ...{
    from: ["1767225000000", "2026-01-01T00:00:00Z", "yesterday"],
    to: ["1767225600000"],
    step: ["60", "1"],
  },
  ...{
    names: ["click_deploy_service_cpu_usage_percent", "up"],
    since: ["0", "1", "9"],
    limit: ["1", "1000", "0"],
  },
  ...{ interval: ["15", "0"], refresh: ["30"], files: ["/etc/targets"], token_file: ["/run/token"] },
  ...{
    id: ["i-1", "i-1", "i-2"],
    boot_id: ["b-1", "b-2"],
    after: ["i-1", "1"],
    shard: ["0/2", "3/2"],
    wait: ["0"],
  },
  ranges: [
    "10.0.0.0/24",
    "10.0.0.0/24",
    "10.0.0.0/8",
    "10.0.0.0/8",
    "fd00::/8",
    "127.0.0.0/8",
    "10.0.0.1/8",
    "::ffff:0:0/96",
  ],
  address: [
    "10.0.0.10",
    "10.0.0.11",
    "10.0.0.12",
    "10.0.0.13",
    "10.0.0.14",
    "10.0.0.15",
    "10.0.0.16",
    "10.0.0.17",
    "10.0.0.18",
    "10.0.0.19",
    "fd00::1",
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.010",
  ],
  image: [`x@sha256:${"a".repeat(64)}`, "x:latest"],
  url: ["https://example.test/x.tar.gz", "http://example.test/x"],
  sha256: ["a".repeat(64)],
  interface: ["eth0"],
  user_data: ["#cloud-config\npackages: [a]\n", "#!/bin/sh\nexit 0\n", "nothing known"],
  user_data_base64: ["I2Nsb3VkLWNvbmZpZwo=", "H4sIAAAAAAAA", "/w=="],
  labels: ["zone", "tier", "rack", "zone", "tier", "rack", "zone", "tier", "a b", "größe"],
};

/** Values by a schema, most of them, in most of their places. */
function valuesOf(schema: Schema, name = ""): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 60, arbitrary: rightly(schema, name) }, { weight: 1, arbitrary: anything });
}

const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, fc.double(), fc.constant(null));

function rightly(schema: Schema, name: string): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valuesOf(one, name)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  switch (schema.type) {
    case "object": {
      const { properties, required = [] } = schema;
      if (properties === undefined) return fc.dictionary(words("labels"), words("labels"), { maxKeys: 3 });
      const fields = Object.fromEntries(
        Object.entries(properties).map(([key, field]) => [key, valuesOf(field, key)]),
      );
      return fc.record(fields, { requiredKeys: required as string[] });
    }
    case "array":
      return fc.array(valuesOf(schema.items ?? {}, name), { minLength: 1, maxLength: 3 });
    case "integer":
      return fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom(9_100, 8_080, 60) },
        { weight: 1, arbitrary: fc.constantFrom(0, -1, 65_536) },
        { weight: 4, arbitrary: fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1_000 }) },
      );
    case "boolean":
      return fc.boolean();
    case "string":
      if (name === "token") return fc.oneof(fc.constantFrom(...tokens), text);
      if (schema.pattern === undefined || SENSIBLE[name] !== undefined) return words(name);
      return fc.stringMatching(new RegExp(schema.pattern), { maxLength: 150 });
    default:
      return anything;
  }
}

function words(name: string): fc.Arbitrary<string> {
  const sensible = SENSIBLE[name];
  if (sensible === undefined) return text;
  return fc.oneof({ weight: 40, arbitrary: fc.constantFrom(...sensible) }, { weight: 1, arbitrary: text });
}

/** Who asks. */
const who = fc.constantFrom<As | "itself" | "nobody">(
  ...(["platform", "platform", "platform", "registrar", "reader", "itself", "itself", "nobody"] as const),
);
const id = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("fresh", "fresh", "i-1", "web", "p-1", "i-2", "jt-aaaaaaaaaaaaaaaaaaaa"),
  },
  { weight: 1, arbitrary: text },
);
/** A header can carry no more than this (RFC 9110, 5.5). */
const visible = fc.stringMatching(/^[ -~]{1,40}$/).map((text) => text.trim() || "x");
/** Headers that some route reads, and some that proxies add. */
const heads = fc.record(
  {
    "idempotency-key": fc.oneof({ weight: 4, arbitrary: fc.constantFrom("k-1", "k-2") }, visible),
    "if-match": fc.oneof(fc.constantFrom('W/"1"', 'W/"9"', "*", '"1"', 'W/"1", W/"2"'), visible),
    "if-none-match": fc.oneof(fc.constantFrom("*", 'W/"1"', '"x"'), visible),
    "accept-encoding": fc.oneof(fc.constantFrom("gzip", "gzip;q=0", "identity", "*"), visible),
    accept: fc.constantFrom("*/*", "application/json", "text/html", "x"),
    "last-event-id": fc.oneof(fc.constantFrom("0", "1"), visible),
    "x-forwarded-for": visible,
    "x-http-method-override": fc.constantFrom("DELETE", "PUT"),
    range: fc.constantFrom("bytes=0-1", "x"),
    "user-agent": visible,
  },
  { requiredKeys: [] },
);
/** Parameters that no route has, or that have a meaning to JavaScript. */
const stray = fc.oneof(
  { weight: 20, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom("shards", "__proto__", "constructor", "endpoint[]", "") },
);

/** All but history, in which the misuse of a token is noted. */
async function contents(): Promise<readonly StoreRecord[]> {
  const records: StoreRecord[] = [];
  for await (const record of own.store.export()) {
    if (record.kind === "header") records.push({ ...record, historySeq: 0 });
    else if (record.kind !== "history" && record.kind !== "end") records.push(record);
  }
  return records;
}

function judge(answer: Awaited<ReturnType<TestService["call"]>>, what: string): void {
  expect(answer.statusCode, `${what}: ${answer.body}`).toBeLessThan(500);
  if (answer.statusCode < 400) return;
  expect(answer.headers["content-type"], what).toContain("application/problem+json");
  const { code, status } = answer.json() as { code: keyof typeof PROBLEMS; status: number };
  expect(PROBLEMS[code].status, what).toBe(answer.statusCode);
  expect(status).toBe(answer.statusCode);
}

async function send(line: string, options: CallOptions, as: As | "itself" | "nobody"): Promise<void> {
  const before = await contents();
  const credential = as === "itself" ? { bearer: key } : as === "nobody" ? {} : { as };
  const answer = await own.call(line, { ...options, ...credential });
  judge(answer, `${as} ${line} ${JSON.stringify(options.body)?.slice(0, 500)}`);
  if (answer.statusCode >= 400) expect(await contents(), `changed by ${answer.body}`).toEqual(before);
}

const STORES = {
  memory: {
    runs: 150,
    open: async () => ({ store: createMemoryStore({ now: () => AT }), drop: async () => {} }),
  },
  SQLite: {
    runs: 50,
    async open() {
      const dir = await mkdtemp(join(tmpdir(), "fuzz-"));
      const store = await openSqliteStore({ file: join(dir, "targets.db"), now: () => AT });
      return {
        store,
        async drop() {
          await store.close();
          await rm(dir, { recursive: true });
        },
      };
    },
  },
} as const;

describe.each(Object.entries(STORES))("on %s", (_, { runs, open }) => {
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const opened = await open();
    ({ drop } = opened);
    await start(opened.store);
  });
  afterAll(() => drop());

  test("documents made from the schemas are taken or refused, and nothing in between", {
    timeout: 60_000,
  }, async () => {
    const taken = new Set<string>();
    let fresh = 0;
    for (const { method, path, body, query } of operations) {
      // One that no earlier operation has removed.
      fresh += 1;
      const endpoints = [{ name: "node", address: `10.0.9.${fresh}` }];
      const known = { project: "p-1", service: "web", liveness: "platform", endpoints };
      await own.call(`PUT /v1/instances/fresh-${fresh}`, { as: "platform", body: known });
      const payload = body === undefined ? fc.constant(undefined) : valuesOf(body);
      const search = fc.record(
        Object.fromEntries(query.map(({ name, schema }) => [name, valuesOf(schema, name)])),
        {
          requiredKeys: [],
        },
      );
      await fc.assert(
        fc.asyncProperty(
          payload,
          search,
          id,
          who,
          heads,
          stray,
          async (body, search, id, as, heads, stray) => {
            // A long poll would wait.
            const asked = { ...search, ...("wait" in search && { wait: "0" }) };
            const parameters = new URLSearchParams(
              Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, String(value)])),
            );
            if (stray !== null) parameters.append(stray, "1");
            const url = `${path.replace("{id}", encodeURIComponent(wellFormed(id === "fresh" ? `fresh-${fresh}` : id)))}?${parameters}`;
            const json = body === undefined ? {} : { body: JSON.stringify(body) };
            const type = body === undefined ? {} : { "content-type": "application/json" };
            await send(`${method} ${url}`, { ...json, headers: { ...heads, ...type } }, as);
            taken.add(`${method} ${path}`);
          },
        ),
        { numRuns: runs },
      );
    }
    expect(taken.size).toBe(operations.length);
    // The service's own, and those of services, instances and projects.
    expect([...taken].filter((operation) => operation.endsWith("/metrics"))).toHaveLength(4);
    expect(own.strays).toEqual([]);
  });

  test("bodies that are no JSON, and heads that nobody sends, are refused", { timeout: 60_000 }, async () => {
    const bodies = [
      "",
      "{",
      "nul",
      '{"a":1}}',
      '{"__proto__":{"a":1}}',
      "\ufeff{}",
      "[".repeat(2_000),
      "\0",
      "null",
      "[]",
      '"x"',
      "1",
    ];
    const types = [
      "application/json",
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=utf-16",
      "",
    ];
    for (const { method, path } of operations.filter(({ method }) => method !== "GET")) {
      for (const body of bodies) {
        for (const type of types) {
          const line = `${method} ${path.replace("{id}", "i-9")}`;
          await send(line, { body, headers: { ...(type && { "content-type": type }) } }, "platform");
        }
      }
    }
    expect(own.strays).toEqual([]);
  });

  test.each([
    ["GET /v1/instances/%zz", {}],
    ["GET /v1/instances/%00", {}],
    ["GET /v1/instances/..%2f..%2fetc", {}],
    [`GET /v1/instances/${"a".repeat(4_000)}`, {}],
    ["GET /v1/sd/prometheus?shards=0/4", {}],
    ["GET /v1/sd/prometheus?shard=4/4", {}],
    ["GET /v1/sd/prometheus?shard=0/4&shard=1/4", {}],
    ["GET /v1/sd/prometheus?endpoint[]=node", {}],
    ["GET /v1/sd/changes?since=-1", {}],
    ["GET /v1/sd/changes?since=0&wait=56", {}],
    ["GET /v1/instances?limit=0", {}],
    ["GET /v1/instances?limit=1001", {}],
    ["GET /v1/config/scrape?token_file=/x%0a- job", {}],
    ["TRACE /v1/instances", {}],
    ["PATCH /v1/instances/i-1", {}],
    ["GET /no/such/route", {}],
    ["PUT /v1/instances/i-1", { body: {}, headers: { "if-match": "nonsense" } }],
  ] as const)("%s is a problem document", async (line, options) => {
    const [method] = line.split(" ");
    // Not every client can send every method.
    if (method === "TRACE") return;
    const answer = await own.call(line, { as: "platform", ...options });
    judge(answer, line);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
  });
});

/** A URL can't carry a lone surrogate. */
function wellFormed(id: string): string {
  return (id as string & { toWellFormed(): string }).toWellFormed();
}
