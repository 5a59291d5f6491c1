import { createHash } from "node:crypto";
import { DEFAULT_TIMINGS, hashSecret } from "@promferry/target-registry";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  BOOT,
  NODE_10,
  SPEC,
  startTestService,
  type TestService,
  TOKEN_REQUEST,
} from "../../test/test-service.ts";

let own: TestService;
beforeEach(async () => {
  own = await startTestService();
});
afterEach(() => {
  expect(own.strays).toEqual([]);
});

const KEY = "k".repeat(64);

async function mint(extra: object = {}, headers: Record<string, string> = {}) {
  const body = { ...TOKEN_REQUEST, ...extra };
  const answer = await own.call("POST /v1/join-tokens", { as: "platform", body, headers });
  return { status: answer.statusCode, ...(answer.json() as { id: string; token: string; code?: string }) };
}

async function join(token: string, extra: object = {}, from?: string) {
  const body = {
    token,
    instance_id: "i-1",
    boot_id: BOOT,
    key: hashSecret(KEY),
    endpoints: [NODE_10],
    ...extra,
  };
  const answer = await own.call("POST /v1/join", { body, ...(from && { from }) });
  return { status: answer.statusCode, ...(answer.json() as { code?: string; heartbeat_after?: number }) };
}

async function beat(id: string, bearer: string, boot = BOOT) {
  const answer = await own.call(`POST /v1/instances/${id}/heartbeat`, { bearer, body: { boot_id: boot } });
  return answer.statusCode === 204 ? 204 : `${answer.statusCode} ${(answer.json() as { code: string }).code}`;
}

async function list(): Promise<string> {
  return (await own.call("GET /v1/sd/prometheus", { as: "reader" })).body;
}

test("a join whose answer got lost is the same join; a thief is refused, and heard of", async () => {
  const { id, token } = await mint();
  expect(await join(token)).toMatchObject({ status: 201, heartbeat_after: 60, lease: 300 });
  expect(await join(token)).toMatchObject({ status: 200, heartbeat_after: 60 });
  expect(await join(token, { key: "e".repeat(64) })).toMatchObject({ status: 409, code: "token_used" });
  expect(own.audit.at(-1)).toMatchObject({
    ...{ action: "instance.join", status: 409, code: "token_used", join_token: id, instance: "i-1" },
  });
  expect((await own.call("GET /metrics")).body).toContain("promferry_targets_token_misuse_total 1");
  const events = await own.call("GET /v1/instances/i-1/events", { as: "registrar" });
  const { items } = events.json() as { items: readonly { what: string }[] };
  expect(items.map(({ what }) => what)).toEqual(["token-misuse", "joined"]);
});

for (const { name, prepare = {}, extra = {}, status, code, between } of [
  {
    name: "a secret that is another",
    extra: { token: `jt-${"b".repeat(20)}.${"A".repeat(43)}.-` },
    status: 401,
    code: "token_unknown",
  },
  {
    name: "a token that is over",
    status: 410,
    code: "token_expired",
    between: () => {
      own.clock.at += 1_800_001;
    },
  },
  {
    name: "a token that was revoked",
    status: 410,
    code: "token_revoked",
    between: (id: string) => own.call(`DELETE /v1/join-tokens/${id}`, { as: "platform" }),
  },
  { name: "another instance's token", prepare: { instance_id: "i-2" }, status: 403, code: "token_bound" },
  {
    name: "an address out of range",
    extra: { endpoints: [{ name: "node", address: "10.9.9.9" }] },
    status: 403,
    code: "outside_grant",
  },
  {
    name: "a port that was not granted",
    extra: { endpoints: [{ name: "app", address: "10.0.0.10", port: 8080 }] },
    status: 403,
    code: "outside_grant",
  },
  {
    name: "an address of the metadata service",
    extra: { endpoints: [{ name: "node", address: "169.254.169.254" }] },
    status: 422,
    code: "invalid_content",
  },
  { name: "a text that is no token", extra: { token: "nonsense" }, status: 422, code: "invalid_content" },
] as readonly {
  name: string;
  prepare?: object;
  extra?: object;
  status: number;
  code: string;
  between?: (id: string) => unknown;
}[]) {
  test(`${name} lets nobody in`, async () => {
    const { id, token } = await mint(prepare);
    const { rev } = await own.store.info();
    await between?.(id);
    expect(await join(token, extra)).toMatchObject({ status, code });
    expect((await own.store.info()).rev).toBe(rev);
    expect(await list()).toBe("[]\n");
  });
}

test("the address of a living instance is not for a second one, unless that calls from there", async () => {
  await join((await mint()).token);
  const second = { instance_id: "i-2", key: "f".repeat(64) };
  const { token } = await mint();
  const refused = await own.call("POST /v1/join", {
    body: { token, boot_id: BOOT, endpoints: [NODE_10], ...second },
  });
  expect(refused.json()).toMatchObject({ status: 409, code: "address_taken" });
  // The other one may be another tenant's.
  expect(refused.body).not.toContain("i-1");
  expect(await join(token, second, "10.0.0.10")).toMatchObject({ status: 201 });
  expect(await list()).toContain('"i-2"');
  expect(await list()).not.toContain('"i-1"');
});

test("heartbeats are answered by the instance's state", async () => {
  await join((await mint()).token);
  expect(await beat("i-1", KEY)).toBe(204);
  expect(await beat("i-1", "x".repeat(64))).toBe("401 wrong_key");
  expect(await beat("i-9", KEY)).toBe("404 unknown_instance");
  expect(await beat("i-1", KEY, "another-boot")).toBe(204);
  own.clock.at += 31 * 86_400_000;
  expect(await beat("i-1", KEY)).toBe(204);
  for (const ms of [DEFAULT_TIMINGS.leaseMs, DEFAULT_TIMINGS.lostHoldMs]) {
    own.clock.at += ms;
    await own.store.lapse(["i-1"], (await own.store.lead("sweep", "a", 1_000))!);
  }
  own.clock.at += 31 * 86_400_000;
  expect(await beat("i-1", KEY)).toBe("410 key_expired");
  await own.call("DELETE /v1/instances/i-1", { as: "platform" });
  expect(await beat("i-1", KEY)).toBe("410 instance_removed");
});

test("a goodbye is served a while, a removal is not, and only the removal is final", async () => {
  await join((await mint()).token);
  const goodbye = () => own.call("DELETE /v1/instances/i-1?reason=poweroff", { bearer: KEY });
  expect((await goodbye()).statusCode).toBe(204);
  // As the agent sends it: a type, and no body.
  const typed = { "content-type": "application/json", "content-length": "0" };
  expect((await own.call("DELETE /v1/instances/i-1", { bearer: KEY, headers: typed })).statusCode).toBe(204);
  expect(await list()).toContain("10.0.0.10:9100");
  expect(await beat("i-1", KEY)).toBe(204);
  expect((await own.store.get("i-1"))?.state).toBe("active");
  expect((await own.call("DELETE /v1/instances/i-1", { as: "registrar" })).statusCode).toBe(204);
  expect(await list()).toBe("[]\n");
  expect(await join((await mint()).token)).toMatchObject({ status: 410, code: "instance_removed" });
});

test("an Idempotency-Key that comes again revokes the token whose answer got lost", async () => {
  const headers = { "idempotency-key": "create-i-1" };
  const first = await mint({}, headers);
  const second = await mint({}, headers);
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.token).not.toBe(first.token);
  expect(await join(first.token)).toMatchObject({ status: 410, code: "token_revoked" });
  const third = await mint({}, headers);
  expect(await join(second.token)).toMatchObject({ status: 410 });
  expect(await join(third.token)).toMatchObject({ status: 201 });
  expect(await mint({ ttl: 60 }, headers)).toMatchObject({ status: 422, code: "idempotency_mismatch" });
  // Another caller's keys are its own.
  const other = await own.call("POST /v1/join-tokens", { as: "registrar", body: TOKEN_REQUEST, headers });
  expect(other.statusCode).toBe(201);
});

test("an idempotent call that failed may be tried again, one that runs may not", async () => {
  const headers = { "idempotency-key": "k" };
  await own.call("PUT /v1/instances/i-1", { as: "platform", body: { ...SPEC, liveness: "platform" } });
  await own.call("DELETE /v1/instances/i-1", { as: "platform" });
  const bound = { instance_id: "i-1" };
  expect(await mint(bound, headers)).toMatchObject({ status: 410, code: "instance_removed" });
  expect(await mint(bound, headers)).toMatchObject({ status: 410, code: "instance_removed" });
  const request = ["/v1/join-tokens", TOKEN_REQUEST];
  const hash = createHash("sha256").update(JSON.stringify(request)).digest("hex");
  await own.store.beginIdempotent({ actor: "platform:cloud", key: "other" }, hash);
  expect(await mint({}, { "idempotency-key": "other" })).toMatchObject({
    ...{ status: 409, code: "idempotency_running" },
  });
});

test("a PUT is conditional, and the same spec keeps the revision", async () => {
  const put = async (headers: Record<string, string>, body: object = { ...SPEC, liveness: "platform" }) => {
    const answer = await own.call("PUT /v1/instances/i-1", { as: "platform", body, headers });
    return [answer.statusCode, answer.headers["etag"] ?? (answer.json() as { code: string }).code];
  };
  expect(await put({ "if-match": 'W/"1"' })).toEqual([412, "revision_mismatch"]);
  expect(await put({ "if-none-match": "*" })).toEqual([201, 'W/"1"']);
  expect(await put({ "if-none-match": "*" })).toEqual([412, "revision_mismatch"]);
  expect(await put({})).toEqual([200, 'W/"1"']);
  const labelled = { ...SPEC, liveness: "platform", labels: { zone: "a" } };
  expect(await put({ "if-match": 'W/"1"' }, labelled)).toEqual([200, 'W/"2"']);
  expect(await put({ "if-match": '"1"' }, labelled)).toEqual([412, "revision_mismatch"]);
  expect(await put({}, { ...SPEC, project: "p-2" })).toEqual([409, "other_owner"]);
  const same = await own.call("GET /v1/instances/i-1", {
    as: "platform",
    headers: { "if-none-match": 'W/"2"' },
  });
  expect(same.statusCode).toBe(304);
});

test("one project's registrar takes no address from another project, the platform does", async () => {
  await own.join("i-1");
  const put = (as: "foreigner" | "registrar" | "platform", id: string, project: string) =>
    own.call(`PUT /v1/instances/${id}`, { as, body: { ...SPEC, project, liveness: "platform" } });
  const stolen = await put("foreigner", "i-2", "p-2");
  expect(stolen.json()).toMatchObject({ status: 409, code: "address_taken" });
  expect(await list()).toContain('"i-1"');
  expect((await put("registrar", "i-3", "p-1")).statusCode).toBe(201);
  expect(await list()).not.toContain('"i-1"');
  expect((await put("platform", "i-2", "p-2")).statusCode).toBe(201);
  expect(await list()).not.toContain('"i-3"');
});

test("a registrar with ranges registers, and grants, nothing outside of them", async () => {
  const as = "bounded";
  const put = (address: string) =>
    own.call("PUT /v1/instances/i-1", { as, body: { ...SPEC, endpoints: [{ name: "node", address }] } });
  const token = (range: string) =>
    own.call("POST /v1/join-tokens", { as, body: { ...TOKEN_REQUEST, ranges: [range] } });
  const data = (range: string) =>
    own.call("POST /v1/user-data", {
      ...{ as, body: { project: "p-1", service: "web", ranges: [range], os: "debian" } },
    });
  const refused = [await put("10.0.2.1"), await token("10.0.0.0/16"), await data("10.0.2.0/24")];
  for (const answer of refused) {
    expect(answer.json()).toMatchObject({ status: 422, code: "invalid_content" });
    expect(answer.body).toContain("10.0.1.0/24");
  }
  const taken = [await put("10.0.1.1"), await token("10.0.1.128/25"), await data("10.0.1.0/24")];
  expect(taken.map(({ statusCode }) => statusCode)).toEqual([201, 201, 200]);
});

test("pages of instances go on where the last one ended, and a tag says that nothing changed", async () => {
  for (const i of [1, 2, 3]) await own.join(`i-${i}`, `10.0.0.${i}`);
  const page = async (query: string, headers = {}) => {
    const answer = await own.call(`GET /v1/instances?${query}`, { as: "registrar", headers });
    if (answer.statusCode !== 200) return answer.statusCode;
    const { items, next } = answer.json() as { items: readonly { id: string }[]; next?: string };
    return [items.map(({ id }) => id).join(), next];
  };
  expect(await page("limit=2")).toEqual(["i-1,i-2", "i-2"]);
  expect(await page("limit=2&after=i-2")).toEqual(["i-3", undefined]);
  expect(await page("state=lost")).toEqual(["", undefined]);
  const { rev } = await own.store.info();
  expect(await page("", { "if-none-match": `W/"${rev}"` })).toBe(304);
});

test("over its quota a project gets 429, over its rate a credential does, with Retry-After", async () => {
  own = await startTestService({ app: { rateLimits: { platform: 3, instance: 2, join: 1, reader: 9 } } });
  await join((await mint()).token);
  for (const status of [204, 204, "429 rate_limited"]) expect(await beat("i-1", KEY)).toBe(status);
  expect(await beat("i-2", KEY)).toBe("404 unknown_instance");
  await mint();
  await mint();
  const answer = await own.call("POST /v1/join-tokens", { as: "platform", body: TOKEN_REQUEST });
  expect(answer.json()).toMatchObject({ status: 429, code: "rate_limited" });
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  expect((await own.call("POST /v1/join-tokens", { as: "registrar", body: TOKEN_REQUEST })).statusCode).toBe(
    201,
  );
});
