import { expect, test } from "vitest";
import {
  BOOT,
  credentialOf,
  NODE_10,
  SPEC,
  startTestService,
  TOKEN_REQUEST,
} from "../../test/test-service.ts";

test("no secret is logged, whatever happens to the request that carries it", async () => {
  const lines: string[] = [];
  const own = await startTestService({
    app: { log: { level: "trace", stream: { write: (line) => void lines.push(line) } } },
  });
  own.app.log.error(
    {
      headers: { authorization: "planted-1" },
      body: { token: "planted-2" },
      request: { secret: "planted-3" },
    },
    "somebody logs too much",
  );
  const key = await own.join("i-1");
  const minted = await own.call("POST /v1/join-tokens", { as: "platform", body: TOKEN_REQUEST });
  const { token } = minted.json() as { token: string };
  const part = "#cloud-config\npassword: hunter2-in-user-data\n";
  const body = { project: "p-1", service: "web", ranges: ["10.0.0.0/24"], os: "debian", user_data: part };
  await own.call("POST /v1/user-data", { as: "platform", body });
  await own.call("POST /v1/user-data/lint", { as: "platform", body: { user_data: part } });
  const join = { token, instance_id: "i-2", boot_id: BOOT, key: "f".repeat(64), endpoints: [NODE_10] };
  await own.call("POST /v1/join", { body: join });
  await own.call("POST /v1/join", { body: { ...join, key: "e".repeat(64), nonsense: token } });
  await own.call("POST /v1/join", {
    body: `{"token":"${token}"`,
    headers: { "content-type": "application/json" },
  });
  await own.call("PUT /v1/instances/i-1", { bearer: key, body: { ...SPEC, boot_id: token } });
  await own.call("POST /v1/instances/i-1/heartbeat", { bearer: key, body: { boot_id: BOOT } });
  await own.call(`GET /v1/instances?project=${token}`, { as: "platform" });
  await own.store.close();
  expect((await own.call("GET /v1/instances", { as: "platform" })).statusCode).toBe(503);

  const log = lines.join("");
  const [, secret = ""] = token.split(".");
  for (const hidden of [
    key,
    secret,
    credentialOf("platform"),
    "hunter2",
    "planted-1",
    "planted-2",
    "planted-3",
  ]) {
    expect(log).not.toContain(hidden);
  }
  // It is a log all the same.
  expect(log).toContain('"path":"/v1/join"');
  expect(log).toContain("store_unavailable");
});

test("the audit is logged whatever the level is, and nothing else is", async () => {
  const lines: string[] = [];
  const own = await startTestService({
    auditInLog: true,
    app: { log: { level: "error", stream: { write: (line) => void lines.push(line) } } },
  });
  await own.call("GET /v1/instances", { as: "platform" });
  await own.call("PUT /v1/instances/i-1", { as: "platform", body: SPEC });
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { audit: true, action: "instance.put", actor: "platform:cloud", instance: "i-1", status: 201 },
  ]);
});
