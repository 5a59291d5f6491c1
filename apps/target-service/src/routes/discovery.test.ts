import { gunzipSync } from "node:zlib";
import { DEFAULT_POLICY } from "@promferry/target-registry";
import { createMemoryStore } from "@promferry/target-registry/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { type CallOptions, SPEC, startTestService, type TestService } from "../../test/test-service.ts";

let own: TestService;
beforeEach(async () => {
  own = await startTestService();
});
afterEach(() => {
  expect(own.strays).toEqual([]);
});

async function put(id: string, extra: object = {}): Promise<void> {
  const endpoints = [{ name: "node", address: `10.0.0.${id.slice(2)}` }];
  const body = { ...SPEC, liveness: "platform", endpoints, ...extra };
  const answer = await own.call(`PUT /v1/instances/${id}`, { as: "platform", body });
  expect(answer.statusCode, answer.body).toBe(201);
}

async function list(query = "", options: CallOptions = { as: "reader" }) {
  return own.call(`GET /v1/sd/prometheus?${query}`, options);
}

async function ids(query = "", options?: CallOptions): Promise<string> {
  const groups = (await list(query, options)).json() as { labels: Record<string, string> }[];
  return groups.map(({ labels }) => labels["__meta_ferry_instance"]).join();
}

test("a list is what Prometheus takes: JSON, uncompressed, with a strong tag that holds while nothing changes", async () => {
  await put("i-1");
  const first = await list();
  expect(first.headers["content-type"]).toBe("application/json");
  expect(first.headers["content-encoding"]).toBeUndefined();
  expect(first.headers["etag"]).toMatch(/^"[\w-]{43}"$/);
  const tag = String(first.headers["etag"]);
  expect((await list("", { as: "reader", headers: { "if-none-match": tag } })).statusCode).toBe(304);
  expect((await list("", { as: "reader", headers: { "if-none-match": `W/"x", ${tag}` } })).statusCode).toBe(
    304,
  );
  await put("i-2");
  const changed = await list("", { as: "reader", headers: { "if-none-match": tag } });
  expect(changed.statusCode).toBe(200);
  expect(changed.headers["ferry-revision"]).toBe("2");
  await own.call("DELETE /v1/instances/i-2", { as: "platform" });
  expect((await list("", { as: "reader", headers: { "if-none-match": tag } })).statusCode).toBe(304);
});

test.each([
  ["gzip, deflate", true],
  ["gzip;q=0.5", true],
  ["gzip;q=0", false],
  ["*", false],
  ["identity", false],
])("Accept-Encoding %s: compressed %s", async (header, packed) => {
  await put("i-1");
  const plain = await list();
  const answer = await list("", { as: "reader", headers: { "accept-encoding": header } });
  expect(answer.headers["content-encoding"]).toBe(packed ? "gzip" : undefined);
  expect((packed ? gunzipSync(answer.rawPayload) : answer.rawPayload).toString()).toBe(plain.body);
  // Two codings are two representations.
  expect(answer.headers["etag"] === plain.headers["etag"]).toBe(!packed);
  const again = await list("", {
    as: "reader",
    headers: { "accept-encoding": header, "if-none-match": String(answer.headers["etag"]) },
  });
  expect(again.statusCode).toBe(304);
});

test("shards part the list, and a scoped reader sees its own", async () => {
  for (let i = 1; i <= 9; i++) await put(`i-${i}`, i > 6 ? { project: "p-2" } : {});
  const parts = await Promise.all([0, 1, 2].map((i) => ids(`shard=${i}/3`)));
  expect(parts.flatMap((part) => part.split(",")).sort()).toEqual(
    Array.from({ length: 9 }, (_, i) => `i-${i + 1}`),
  );
  expect(await ids("project=p-2")).toBe("i-7,i-8,i-9");
  expect(await ids("", { as: "tenant" })).toBe("i-1,i-2,i-3,i-4,i-5,i-6");
  expect((await list("project=p-9")).body).toBe("[]\n");
});

test("a store that is new serves no list, and does not say of anything that it is unknown", async () => {
  own = await startTestService({ authoritative: false });
  await put("i-1");
  for (const line of ["GET /v1/sd/prometheus", "GET /v1/sd/changes?since=0"]) {
    const answer = await own.call(line, { as: "reader" });
    expect(answer.json()).toMatchObject({ status: 503, code: "store_new" });
    expect(answer.headers["retry-after"]).toBe("30");
  }
  const beat = await own.call("POST /v1/instances/i-9/heartbeat", {
    ...{ bearer: "k".repeat(64), body: { boot_id: "b" } },
  });
  expect(beat.json()).toMatchObject({ status: 503, code: "store_new" });
  const join = await own.call("POST /v1/join", {
    body: {
      ...{ token: `jt-${"a".repeat(20)}.${"A".repeat(43)}.-`, instance_id: "i-9", boot_id: "b" },
      ...{ key: "a".repeat(64), endpoints: SPEC.endpoints },
    },
  });
  expect(join.json()).toMatchObject({ status: 503, code: "store_new" });
  expect((await own.call("GET /readyz")).json()).toMatchObject({ status: "ready", authoritative: false });
  const confirmed = await own.call("POST /v1/sd/confirm", { as: "platform", body: {} });
  expect(confirmed.json()).toEqual({ compared: false, missing: 0 });
  expect(await ids()).toBe("i-1");
});

test("a store that does not answer is 503, never a shorter list", async () => {
  await put("i-1");
  await own.store.close();
  const answer = await list();
  expect(answer.json()).toMatchObject({ status: 503, code: "store_unavailable" });
  expect((await own.call("GET /readyz")).statusCode).toBe(503);
  expect((await own.call("GET /healthz")).statusCode).toBe(200);
  expect((await own.call("GET /metrics")).statusCode).toBe(200);
});

test("while the store is frozen lists are served and writes are told to come later", async () => {
  await put("i-1");
  await own.store.freeze({ actor: "operator" });
  expect(await ids()).toBe("i-1");
  const write = await own.call("DELETE /v1/instances/i-1", { as: "platform" });
  expect(write.json()).toMatchObject({ status: 503, code: "store_frozen" });
  expect(write.headers["retry-after"]).toBe("5");
});

test("an import into another store gives the same list under the same tag", async () => {
  await put("i-1", { labels: { zone: "größe" } });
  const other = createMemoryStore({ now: () => own.clock.at });
  await other.import(own.store.export());
  const moved = await startTestService({ store: other });
  const [a, b] = [await list(), await moved.call("GET /v1/sd/prometheus", { as: "reader" })];
  expect(b.body).toBe(a.body);
  expect(b.headers["etag"]).toBe(a.headers["etag"]);
});

test("changes come at once, after a wait, or with nothing; one's own only", async () => {
  const changes = async (query: string, as: "reader" | "tenant" = "reader") => {
    const answer = await own.call(`GET /v1/sd/changes?${query}`, { as });
    return answer.statusCode === 204 ? 204 : (answer.json() as object);
  };
  expect(await changes("since=0")).toBe(204);
  await put("i-1");
  const one = { rev: 1, more: false, items: [{ id: "i-1", served: true, rev: 1 }] };
  expect(await changes("since=0&wait=55")).toEqual(one);
  const waiting = changes("since=1&wait=55");
  await put("i-2", { project: "p-2" });
  expect(await waiting).toMatchObject({ rev: 2, items: [{ id: "i-2" }] });
  expect(await changes("since=1", "tenant")).toEqual({ rev: 2, more: false, items: [] });
  await put("i-3", { endpoints: [{ name: "app", address: "10.0.0.3" }] });
  expect(await changes("since=2", "tenant")).toEqual({ rev: 3, more: false, items: [] });
  expect(await changes("since=9")).toMatchObject({ code: "changes_reset", rev: 3 });
  // The service ends: whoever waits is answered.
  const last = changes("since=3&wait=55");
  own.stop.abort();
  expect(await last).toBe(204);
});

test("the configuration names this service, the reader's own part, and the endpoints that it may read", async () => {
  const config = async (query: string, as: "reader" | "tenant" = "reader") => {
    const answer = await own.call(`GET /v1/config/scrape?${query}`, { as });
    const { scrape_configs } = parse(answer.body) as { scrape_configs: readonly Record<string, never>[] };
    return { answer, jobs: scrape_configs };
  };
  const all = await config("shard=0/2");
  expect(all.jobs.map(({ job_name }) => job_name)).toEqual(["ferry-node", "ferry-cadvisor", "ferry-app"]);
  expect(all.jobs[0]!["http_sd_configs"]).toMatchObject([
    { url: "https://targets.internal/v1/sd/prometheus?endpoint=node&shard=0%2F2" },
  ]);
  const tenant = await config("", "tenant");
  expect(tenant.jobs).toHaveLength(1);
  expect(tenant.answer.body).toContain("endpoint=node&project=p-1");
  const files = await config("endpoint=app&files=/etc/prometheus/targets/&interval=15");
  expect(files.jobs[0]).toMatchObject({
    scrape_interval: "15s",
    file_sd_configs: [
      { files: ["/etc/prometheus/targets/app.json", "/etc/prometheus/targets/app-*-of-*.json"] },
    ],
  });
  const tag = String(files.answer.headers["etag"]);
  const again = await own.call(
    "GET /v1/config/scrape?endpoint=app&files=/etc/prometheus/targets/&interval=15",
    {
      ...{ as: "reader", headers: { "if-none-match": tag } },
    },
  );
  expect(again.statusCode).toBe(304);
  const rules = await own.call("GET /v1/config/rules", { as: "tenant" });
  expect(rules.body).toContain("click_deploy_service_cpu_usage_percent");
});

test("alerts and rates are about the lists of this policy, at its own interval", async () => {
  const kinds = [
    ...DEFAULT_POLICY.endpoints.map((kind) => ({ ...kind, intervalMs: 60_000 })),
    { ...DEFAULT_POLICY.endpoints[0]!, name: "app-admin" },
  ];
  const own = await startTestService({ policy: { endpoints: kinds } });
  const rules = await own.call("GET /v1/config/rules", { as: "reader" });
  expect(rules.body).toContain('up{job=~"ferry-node|ferry-cadvisor|ferry-app|ferry-app-admin"} == 0');
  expect(rules.body).toContain('promferry_targets_served{endpoint="app-admin"}');
  expect(rules.body).toContain("[240s]");
  const said = await own.call("GET /v1/config/rules?interval=15", { as: "reader" });
  expect(said.body).toContain("[60s]");
});
