/** Whatever is sent: a 4xx problem document or a success by the schema, never a 5xx, and no change where it was refused. */
import type { StoreRecord } from "@promferry/target-registry/store";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import {
  type As,
  type CallOptions,
  startTestService,
  type TestService,
  TOKEN_REQUEST,
} from "../../test/test-service.ts";
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

let own: TestService;
let operations: readonly Operation[];
let key: string;
/** Join tokens that are good until one of them is used. */
let tokens: readonly string[];

beforeAll(async () => {
  own = await startTestService({
    app: { rateLimits: { platform: 1e7, instance: 1e7, join: 1e7, reader: 1e7 } },
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
});

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
  ...{ id: ["i-1", "i-2"], boot_id: ["b-1", "b-2"], after: ["i-1", "1"], shard: ["0/2", "3/2"], wait: ["0"] },
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
  labels: ["zone", "tier", "rack", "a b", "größe"],
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

const who = fc.constantFrom<As | "itself" | "nobody">(
  ...(["platform", "platform", "platform", "registrar", "reader", "itself", "itself", "nobody"] as const),
);
const id = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("i-1", "i-1", "i-2", "jt-aaaaaaaaaaaaaaaaaaaa") },
  { weight: 1, arbitrary: text },
);
const repeated = fc.constantFrom(undefined, undefined, "k-1", "k-2");

/** All but history, in which the misuse of a token is noted. */
async function contents(): Promise<readonly StoreRecord[]> {
  const records: StoreRecord[] = [];
  for await (const record of own.store.export()) {
    if (record.kind === "header") records.push({ ...record, historySeq: 0 });
    else if (record.kind !== "history") records.push(record);
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

test("documents made from the schemas are taken or refused, and nothing in between", {
  timeout: 60_000,
}, async () => {
  const taken = new Set<string>();
  for (const { method, path, body, query } of operations) {
    const payload = body === undefined ? fc.constant(undefined) : valuesOf(body);
    const search = fc.record(Object.fromEntries(query.map(({ name, schema }) => [name, valuesOf(schema)])), {
      requiredKeys: [],
    });
    await fc.assert(
      fc.asyncProperty(payload, search, id, who, repeated, async (body, search, id, as, again) => {
        // A long poll would wait.
        const asked = { ...search, ...("wait" in search && { wait: "0" }) };
        const parameters = new URLSearchParams(
          Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, String(value)])),
        );
        const url = `${path.replace("{id}", encodeURIComponent(wellFormed(id)))}?${parameters}`;
        const json = body === undefined ? {} : { body: JSON.stringify(body) };
        const headers = { "content-type": "application/json", ...(again && { "idempotency-key": again }) };
        await send(`${method} ${url}`, { ...json, headers: body === undefined ? {} : headers }, as);
        taken.add(`${method} ${path}`);
      }),
      { numRuns: 60 },
    );
  }
  expect(taken.size).toBe(operations.length);
  expect(own.strays).toEqual([]);
});

test("bodies that are no JSON, and heads that nobody sends, are refused", async () => {
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

/** A URL can't carry a lone surrogate. */
function wellFormed(id: string): string {
  return (id as string & { toWellFormed(): string }).toWellFormed();
}
