import { gunzipSync } from "node:zlib";
import { parseJoinToken } from "@promferry/target-registry";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestService, type TestService } from "../../test/test-service.ts";

let own: TestService;
beforeEach(async () => {
  own = await startTestService();
});
afterEach(() => {
  expect(own.strays).toEqual([]);
});

const BODY = { project: "p-1", service: "web", ranges: ["10.0.0.0/24"], os: "debian" } as const;

async function make(extra: object = {}, headers: Record<string, string> = {}) {
  const body = { ...BODY, ...extra };
  const answer = await own.call("POST /v1/user-data", { as: "registrar", body, headers });
  return { status: answer.statusCode, body: answer.json() as Record<string, unknown> };
}

function textOf(body: Record<string, unknown>): string {
  const bytes = Buffer.from(String(body["user_data_base64"]), "base64");
  return (body["encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString();
}

test("user data has a token of its own in it, and the instance is announced with it", async () => {
  const { status, body } = await make({
    ...{ instance_id: "i-1", labels: { zone: "a" }, apps: [{ name: "app", port: 8_000 }], provider: "ec2" },
  });
  expect(status, JSON.stringify(body)).toBe(200);
  const text = textOf(body);
  const [found = ""] = /jt-[a-z2-7]{20}\.[\w-]{43}\.-/.exec(text) ?? [];
  expect(parseJoinToken(found)?.id).toBe(body["token_id"]);
  expect(text).toContain("SERVICE_URL='https://targets.internal'");
  expect(text).toContain("ENDPOINTS='node:9100 app:8000'");
  expect(await own.store.get("i-1")).toMatchObject({ state: "expected", labels: { zone: "a" } });
  expect((await own.store.token(String(body["token_id"])))?.grant.endpoints).toEqual([
    { name: "app", ports: [8_000] },
    { name: "node", ports: [9_100] },
  ]);
});

test("the user's own part comes along, byte for byte, and is looked at", async () => {
  const part = "#cloud-config\nruncmd:\n  - curl http://x.test | sh\n";
  const { body } = await make({ user_data: part });
  expect(textOf(body)).toContain("multipart/mixed");
  expect(body["findings"]).toMatchObject([{ code: "pipe-to-shell", line: 3 }]);
  const same = await make({ user_data_base64: Buffer.from(part).toString("base64") });
  expect(same.body["findings"]).toEqual(body["findings"]);
});

test.each([
  [{ user_data: "packages: [a]\n" }, 422, "user_data_part"],
  [{ user_data: "x", user_data_base64: "eA==" }, 400, "invalid_request"],
  [{ cadvisor: { image: "cadvisor:latest" } }, 422, "user_data_unpinned"],
  [{ os: "rocky" }, 422, "user_data_option"],
  [{ ranges: ["0.0.0.0/0"] }, 422, "invalid_content"],
  [{ exporter: { kind: "none" } }, 422, "invalid_content"],
  [{ project: "p-2" }, 403, "forbidden"],
  [{ provider: "gce", user_data: `#!/bin/sh\n# ${"x".repeat(256_000)}` }, 413, "user_data_too_large"],
  [{ user_data: "x".repeat(300_000) }, 413, "body_too_large"],
] as const)("%j is refused, and no token is left behind", async (extra, status, code) => {
  const answer = await make(extra);
  expect(answer).toMatchObject({ status, body: { code } });
  const tokens: unknown[] = [];
  for await (const record of own.store.export()) if (record.kind === "token") tokens.push(record);
  expect(tokens).toEqual([]);
});

test("a repeated call revokes the token of the first", async () => {
  const headers = { "idempotency-key": "i-1" };
  const first = await make({}, headers);
  const second = await make({}, headers);
  expect(second.status).toBe(200);
  expect((await own.store.token(String(first.body["token_id"])))?.revokedAt).not.toBeNull();
  expect((await own.store.token(String(second.body["token_id"])))?.revokedAt).toBeNull();
});

test("the CA that instances are to trust travels with them, and the token names it", async () => {
  const agentCa = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  own = await startTestService({ service: { agentCa } });
  const { status, body } = await make();
  expect(status, JSON.stringify(body)).toBe(200);
  expect(textOf(body)).toContain(Buffer.from(agentCa).toString("base64"));
  expect(textOf(body)).toMatch(/jt-[a-z2-7]{20}\.[\w-]{43}\.[0-9a-f]{64}/);
});

test("the linter says where, and what can't be read is said so", async () => {
  const lint = async (body: object) => {
    const answer = await own.call("POST /v1/user-data/lint", { as: "registrar", body });
    return answer.json() as object;
  };
  expect(await lint({ user_data: "#cloud-config\npackages: [a]\n" })).toEqual({ findings: [] });
  expect(await lint({ user_data: "#cloud-config\n\tpackages: [a]\n" })).toMatchObject({
    findings: [{ line: 2, column: 1 }],
  });
  expect(await lint({ user_data_base64: "/w==" })).toMatchObject({ code: "user_data_part" });
});
