import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { homeWith, runCli, temporaryFolder } from "../../test/run-cli.ts";
import { problem, type ScriptedAnswer, scriptedService } from "../../test/scripted-service.ts";
import { closedAddress } from "../../test/serve.ts";

const INSTANCE = {
  id: "i-1",
  project: "p-1",
  service: "web",
  scope: "default",
  liveness: "heartbeat",
  state: "lost",
  removed_by: null,
  state_since: "2026-01-31T12:00:00.000Z",
  deadline: "2026-01-31T12:15:00.000Z",
  boot_id: "b",
  created_at: "2026-01-31T11:00:00.000Z",
  seen_at: "2026-01-31T11:55:00.000Z",
  endpoints: [
    { name: "node", address: "10.0.0.7", port: 9100 },
    { name: "app", address: "fd00::1", port: 8080 },
  ],
  labels: { zone: "eu" },
  rev: 7,
};
const TOKEN = "pft_platform_secret-secret-secret";

test("a join token is printed once, and asked for again with the same key where the answer was lost", async () => {
  let calls = 0;
  const made = { id: "jt-1", token: "jt-1.secret.-", expires_at: "2026-01-31T12:30:00.000Z" };
  const { url, seen } = await scriptedService((): ScriptedAnswer => {
    calls += 1;
    return calls === 1 ? { cut: true } : { status: 201, body: made };
  });
  const argv = "--project p-1 --service web --range 10.0.0.0/24 --endpoint node --endpoint app:8080 --ttl 5m";
  const { exitCode, stdout, stderr } = await runCli(
    ["targets", "join-token", "--url", url, ...argv.split(" "), "--label", "zone=eu=1"],
    { env: { PROMFERRY_TARGETS_TOKEN: TOKEN } },
  );
  expect(stdout).toBe("jt-1.secret.-\n");
  expect(stderr).toBe("jt-1: good for one join, until 2026-01-31T12:30:00.000Z\n");
  expect(exitCode).toBe(0);
  const [first, second] = seen;
  expect(first).toMatchObject({
    method: "POST",
    path: "/v1/join-tokens",
    authorization: `Bearer ${TOKEN}`,
    body: {
      project: "p-1",
      service: "web",
      ranges: ["10.0.0.0/24"],
      endpoints: ["node", { name: "app", ports: [8080] }],
      labels: { zone: "eu=1" },
      ttl: 300,
    },
  });
  expect(second?.headers["idempotency-key"]).toBe(first?.headers["idempotency-key"]);
  expect(second?.body).toEqual(first?.body);
});

test("a join token's file is for its owner alone", async () => {
  const home = temporaryFolder();
  const made = { id: "jt-1", token: "jt-1.secret.-", expires_at: "never" };
  const { url } = await scriptedService(() => ({ status: 201, body: made }));
  const argv = ["--project", "p", "--service", "s", "--range", "10.0.0.0/24", "--output", "token", "--json"];
  const { json } = await runCli(["targets", "join-token", "--url", url, ...argv], { home });
  expect(json()).toEqual({ id: "jt-1", expires_at: "never", file: join(home, "token") });
  expect(statSync(join(home, "token")).mode & 0o777).toBe(0o600);
});

test("list reads every page, with the token's file and address of the configuration", async () => {
  const { url, seen } = await scriptedService(({ path }) =>
    path.includes("after=i-1")
      ? { body: { items: [{ ...INSTANCE, id: "i-2" }] } }
      : { body: { items: [INSTANCE], next: "i-1" } },
  );
  const { home, config } = homeWith(`targets: { url: "${url}", token_file: token }\n`);
  writeFileSync(join(home, "token"), `${TOKEN}\n`);
  const argv = ["targets", "list", "--config", config, "--state", "lost", "--project", "p-1"];
  const { stdout, stderr } = await runCli(argv, { home });
  expect(stdout).toBe(
    ["i-1", "i-2"].map((id) => `${id}  lost  p-1/web  node 10.0.0.7:9100, app [fd00::1]:8080\n`).join(""),
  );
  expect(stderr).toBe("2 instances\n");
  expect(seen.map(({ path, authorization }) => [path, authorization])).toEqual([
    ["/v1/instances?limit=1000&project=p-1&state=lost", `Bearer ${TOKEN}`],
    ["/v1/instances?limit=1000&project=p-1&state=lost&after=i-1", `Bearer ${TOKEN}`],
  ]);
  const { json } = await runCli([...argv, "--json"], { home });
  expect(json()).toMatchObject({ items: [{ id: "i-1" }, { id: "i-2" }] });
});

test("show tells an instance and its history", async () => {
  const { url } = await scriptedService(({ path }) => ({
    body: path.includes("events")
      ? {
          items: [
            { seq: 2, at: "2026-01-31T12:00:00.000Z", what: "lost", actor: "sweep", request: null, rev: 7 },
          ],
        }
      : INSTANCE,
  }));
  const { stdout } = await runCli(["targets", "show", "i-1", "--url", url]);
  expect(stdout).toContain("state       lost\n");
  expect(stdout).toContain("label       zone=eu\n");
  expect(stdout).toContain("2026-01-31T12:00:00.000Z  lost  sweep\n");
});

test("remove, drain and init say to the service what it expects", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "key"), "the-instance's-own-key\n");
  writeFileSync(join(home, "wrong"), `${TOKEN}\n`);
  const { url, seen } = await scriptedService(({ method }) =>
    method === "DELETE" ? { status: 204 } : { body: { compared: false, missing: 0 } },
  );
  const run = (...argv: string[]) =>
    runCli(["targets", ...argv, "--url", url], { home, env: { PROMFERRY_TARGETS_TOKEN: TOKEN } });
  expect((await run("remove", "i-1", "i/2", "--reason", "gone")).exitCode).toBe(0);
  expect((await run("drain", "i-3", "--key-file", "key")).exitCode).toBe(0);
  expect((await run("init")).stderr).toContain("Prometheus was not asked");
  expect((await run("init", "--force")).exitCode).toBe(0);
  expect(
    seen.map(({ method, path, authorization, body }) => [method, path, authorization?.slice(7, 11), body]),
  ).toEqual([
    ["GET", "/v1/instances/i-1", "pft_", undefined],
    ["DELETE", "/v1/instances/i-1?reason=gone", "pft_", undefined],
    ["GET", "/v1/instances/i%2F2", "pft_", undefined],
    ["DELETE", "/v1/instances/i%2F2?reason=gone", "pft_", undefined],
    ["DELETE", "/v1/instances/i-3?reason=drain", "the-", undefined],
    ["POST", "/v1/sd/confirm", "pft_", {}],
    ["POST", "/v1/sd/confirm", "pft_", { force: true }],
  ]);
  // With a platform's token the same call would remove it for good.
  const refused = await run("drain", "i-3", "--key-file", "wrong");
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(refused.stderr).toContain("not an instance's key");
  expect(seen).toHaveLength(7);
});

test("an instance that is not there is not told as removed", async () => {
  const { url, seen } = await scriptedService(({ method }) =>
    method === "DELETE" ? { status: 204 } : problem(404, "unknown_instance"),
  );
  const { exitCode, stdout } = await runCli(["targets", "remove", "i-l", "--url", url], {
    env: { PROMFERRY_TARGETS_TOKEN: TOKEN },
  });
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(seen.map(({ method }) => method)).toEqual(["GET"]);
});

for (const { name, answer, exitCode, says } of [
  { name: "an unknown token", answer: problem(401, "unauthorized"), exitCode: 77, says: "refused the token" },
  { name: "another project", answer: problem(403, "forbidden"), exitCode: 77, says: "refused the token" },
  {
    name: "an unknown instance",
    answer: problem(404, "unknown_instance"),
    exitCode: 2,
    says: "(unknown_instance)",
  },
  {
    name: "a wrong document",
    answer: problem(422, "invalid_content", {
      problems: [{ path: "/ranges/0", expected: "a range", found: '"x"' }],
    }),
    exitCode: 2,
    says: '  /ranges/0: expected a range, found "x"',
  },
  { name: "a new store", answer: problem(503, "store_new"), exitCode: 75, says: "(store_new)" },
  { name: "too many requests", answer: problem(429, "rate_limited"), exitCode: 75, says: "(rate_limited)" },
  { name: "a failure", answer: problem(500, "internal"), exitCode: 69, says: "(internal)" },
  {
    name: "a redirect",
    answer: { status: 302, headers: { location: "http://127.0.0.9/" } },
    exitCode: 78,
    says: "not as a target service does",
  },
  {
    name: "somebody else's 404",
    answer: { status: 404, headers: { "content-type": "text/html" }, body: "<html>" },
    exitCode: 78,
    says: "not as a target service does",
  },
  { name: "a page", answer: { body: "<html>" }, exitCode: 69, says: "not what was expected" },
  { name: "null", answer: { body: "null" }, exitCode: 69, says: "not what was expected" },
] as readonly { name: string; answer: ScriptedAnswer; exitCode: number; says: string }[]) {
  test(`${name} is exit ${exitCode}, and the token is not shown`, async () => {
    const { url } = await scriptedService(() => answer);
    const env = { PROMFERRY_TARGETS_TOKEN: TOKEN };
    const result = await runCli(["targets", "show", "i-1", "--url", url, "--json"], { env });
    expect(result.stderr).toContain(says);
    expect(result.exitCode).toBe(exitCode);
    expect(`${result.stdout}${result.stderr}`).not.toContain(TOKEN);
  });
}

test("without a service it says where it looked, and how to name another one", async () => {
  const url = await closedAddress();
  const { exitCode, stderr } = await runCli(["targets", "list"], { env: { PROMFERRY_TARGETS_URL: url } });
  expect(exitCode).toBe(69);
  expect(stderr).toContain(`${url} can't be reached: ECONNREFUSED`);
});

test("a token does not travel in clear", async () => {
  const { exitCode, stderr } = await runCli(["targets", "list", "--url", "http://targets.example"], {
    env: { PROMFERRY_TARGETS_TOKEN: TOKEN },
  });
  expect(exitCode).toBe(78);
  expect(stderr).toContain("plain http");
});
