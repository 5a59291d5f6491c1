/** Two replicas of the target service on one PostgreSQL: one is killed, the database stops and starts. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, type TestContext, test } from "vitest";
import {
  POSTGRES_PROGRAMS,
  query,
  type RunningPostgres,
  type RunningProgram,
  requireProgram,
  requireServer,
  startNodeExporter,
  startPostgres,
  startPrometheus,
  startSource,
  workspaceRoot,
} from "./harness/index.ts";

const MAIN = join(workspaceRoot, "apps/target-service/src/main.ts");
const TOKEN = `pft_platform_${randomBytes(32).toString("base64url")}`;
const LIMIT_MS = 40_000;

interface Replica {
  readonly url: string;
  readonly program: RunningProgram;
}

async function replicas(context: TestContext, postgres: RunningPostgres): Promise<readonly Replica[]> {
  const dir = await mkdtemp(join(tmpdir(), "target-replicas-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const sha256 = createHash("sha256").update(TOKEN).digest("hex");
  await writeFile(
    join(dir, "tokens.yaml"),
    `tokens:\n  - {name: e2e, role: platform, sha256: "${sha256}"}\n`,
  );
  await writeFile(
    join(dir, "config.yaml"),
    [
      ...["listen: 127.0.0.1:0", "data_dir: data", "tokens_file: tokens.yaml", "accept_new_store: true"],
      ...["policy: {loopback: true}", "sweep_interval: 1s", `store: {postgres: "${postgres.url}"}`, ""],
    ].join("\n"),
  );
  const start = async (): Promise<Replica> => {
    const program = await startSource(MAIN, ["--config", join(dir, "config.yaml")], { timeoutMs: 110_000 });
    context.onTestFinished(program.stop);
    const [, url] = await program.waitFor(/listens on (\S+)/);
    return { url: url!, program };
  };
  // At once: both make the tables, one of them does.
  return Promise.all([start(), start()]);
}

async function call({ url }: Replica, line: string, body?: unknown, bearer = TOKEN) {
  const [method, path] = line.split(" ") as [string, string];
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, etag: answer.headers.get("etag"), text: await answer.text() };
}

async function becomes<T>(ask: () => Promise<T>, wanted: T): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  let answer = await ask();
  while (answer !== wanted && Date.now() < deadline) {
    await delay(200);
    answer = await ask();
  }
  expect(answer).toBe(wanted);
}

const LIST = "GET /v1/sd/prometheus";

function count(list: { readonly status: number; readonly text: string }): number {
  expect(list.status, list.text).toBe(200);
  return (JSON.parse(list.text) as unknown[]).length;
}

test("a replica that is killed and a database that stops change no list, and no heartbeat is lost for good", async (context) => {
  requireServer(context, "prometheus", "node-exporter");
  requireProgram(context, ...POSTGRES_PROGRAMS);
  const postgres = await startPostgres();
  context.onTestFinished(postgres.stop);
  const [one, two] = (await replicas(context, postgres)) as [Replica, Replica];

  // An instance joins at one, and a second use of its token at the other is known.
  const grant = { project: "p-1", service: "web", ranges: ["127.30.8.0/24"], endpoints: ["node"] };
  const minted = await call(one, "POST /v1/join-tokens", grant);
  const { token } = JSON.parse(minted.text) as { token: string };
  const keys = ["a", "b"].map((letter) => letter.repeat(64)) as [string, string];
  const join = (replica: Replica, key: string) =>
    call(replica, "POST /v1/join", {
      ...{ token, instance_id: "i-1", boot_id: "b", key: createHash("sha256").update(key).digest("hex") },
      endpoints: [{ name: "node", address: "127.30.8.1" }],
    });
  const race = await Promise.all([join(one, keys[0]), join(two, keys[1])]);
  expect(race.map(({ status }) => status).sort()).toEqual([201, 409]);
  const key = race[0]!.status === 201 ? keys[0] : keys[1];
  const beat = async (replica: Replica) =>
    (await call(replica, "POST /v1/instances/i-1/heartbeat", { boot_id: "b" }, key)).status;
  const exporter = await startNodeExporter({ flags: ["--web.listen-address=127.30.8.1:9100"] });
  context.onTestFinished(exporter.stop);

  await becomes(async () => count(await call(two, LIST)), 1);
  const listed = await call(one, LIST);
  expect((await call(two, LIST)).etag).toBe(listed.etag);

  // Discovery at the replica that stays.
  const scrape = await call(
    two,
    "GET /v1/config/scrape?endpoint=node&interval=1&refresh=1&token_file=/dev/null",
  );
  const folder = await mkdtemp(`${tmpdir()}/target-replicas-`);
  context.onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(`${folder}/token`, TOKEN);
  await writeFile(`${folder}/scrape.yml`, scrape.text.replace("/dev/null", `${folder}/token`));
  const prometheus = await startPrometheus({ scrapeConfigFiles: [`${folder}/scrape.yml`] });
  context.onTestFinished(prometheus.stop);
  const up = async () => (await query(prometheus.url, 'up{instance_id="i-1"}'))[0]?.value;
  await becomes(up, "1");

  // The other one dies as it stands; whoever led, this one leads then.
  one.program.kill("SIGKILL");
  await one.program.done;
  const leads = async () =>
    (await call(two, "GET /metrics")).text.includes("promferry_targets_sweep_leader 1");
  await becomes(leads, true);
  expect(await beat(two)).toBe(204);
  expect((await call(two, LIST)).etag).toBe(listed.etag);

  // No database: nothing is known, so nothing is said, and Prometheus goes on with what it has.
  await postgres.halt("crash");
  await becomes(async () => (await call(two, LIST)).status, 503);
  expect((await call(two, LIST)).text).toContain("store_unavailable");
  expect(await beat(two)).toBe(503);
  expect((await call(two, "GET /readyz")).status).toBe(503);
  await delay(3_000);
  expect(await up()).toBe("1");
  await postgres.start();
  await becomes(() => beat(two), 204);
  await becomes(async () => (await call(two, LIST)).etag, listed.etag);
  expect(await up()).toBe("1");

  two.program.kill("SIGTERM");
  expect((await two.program.done).code).toBe(0);
});
