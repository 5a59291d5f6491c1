/** Two replicas of the target service on one PostgreSQL, under load: one is killed, the database stops and starts. */
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
  startProgram,
  startPrometheus,
  startSource,
  workspaceRoot,
} from "./harness/index.ts";
import { serveOn } from "./targets/loopback.ts";

const MAIN = join(workspaceRoot, "apps/target-service/src/main.ts");
const TOKEN = `pft_platform_${randomBytes(32).toString("base64url")}`;
const LIMIT_MS = 40_000;

interface Replica {
  readonly url: string;
  readonly program: RunningProgram;
}

async function replicas(
  context: TestContext,
  postgres: RunningPostgres,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Replica[]> {
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
    const program = await startSource(MAIN, ["--config", join(dir, "config.yaml")], {
      env,
      timeoutMs: 110_000,
    });
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

/** What the test watches; the load is another project's. */
const LIST = "GET /v1/sd/prometheus?project=p-1";

interface Load {
  /** How many writes were answered with 2xx. */
  acknowledged(): number;
  /** Ends it, and holds what the store has against what was acknowledged. */
  finish(at: Replica): Promise<void>;
}

/** Six writers that state instances anew, each its own ten, at whichever replica answers. */
function startLoad(all: readonly Replica[]): Load {
  const latest = new Map<string, number>();
  const statuses = new Set<number>();
  let acknowledged = 0;
  let stop = false;
  const writers = Array.from({ length: 6 }, async (_, writer) => {
    for (let n = 1; !stop; n++) {
      const i = writer * 10 + (n % 10);
      const body = {
        ...{ project: "load", service: "load", liveness: "platform", labels: { n: `${n}` } },
        endpoints: [{ name: "node", address: `127.30.9.${i + 1}` }],
      };
      const answer = await call(all[n % all.length]!, `PUT /v1/instances/load-${i}`, body).catch(
        () => undefined,
      );
      if (answer === undefined || answer.status >= 400) {
        if (answer !== undefined) statuses.add(answer.status);
        await delay(50);
        continue;
      }
      latest.set(`load-${i}`, n);
      acknowledged += 1;
    }
  });
  return {
    acknowledged: () => acknowledged,
    async finish(at) {
      stop = true;
      await Promise.all(writers);
      const { text } = await call(at, "GET /v1/instances?project=load&limit=1000");
      const { items } = JSON.parse(text) as { items: { id: string; labels: { n: string } }[] };
      const stored = new Map(items.map(({ id, labels }) => [id, Number(labels.n)]));
      expect(stored.size).toBe(60);
      // A write whose answer was lost may be there too.
      const lost = [...latest].filter(([id, n]) => !(stored.get(id)! >= n));
      expect(lost).toEqual([]);
      expect([...statuses].filter((status) => status !== 503)).toEqual([]);
    },
  };
}

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

  const load = startLoad([one, two]);
  const goesOn = async (): Promise<void> => {
    const before = load.acknowledged();
    await becomes(async () => load.acknowledged() > before + 100, true);
  };
  await goesOn();

  // The other one dies as it stands; whoever led, this one leads then.
  one.program.kill("SIGKILL");
  await one.program.done;
  const leads = async () =>
    (await call(two, "GET /metrics")).text.includes("promferry_targets_sweep_leader 1");
  await becomes(leads, true);
  await goesOn();
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
  await goesOn();
  await becomes(async () => (await call(two, LIST)).etag, listed.etag);
  expect(await up()).toBe("1");
  await load.finish(two);

  two.program.kill("SIGTERM");
  expect((await two.program.done).code).toBe(0);
});

test("derived values are written to PostgreSQL once, whichever replica writes them", async (context) => {
  requireProgram(context, ...POSTGRES_PROGRAMS, "psql");
  const postgres = await startPostgres();
  context.onTestFinished(postgres.stop);
  // What a Prometheus with the rules answers of memory; it has nothing else.
  const labels = {
    __name__: "click_deploy_service_memory_usage_bytes",
    project_id: "p-1",
    service_id: "web",
  };
  const asked = new Set<string>();
  const port = await serveOn(context, "127.0.0.1", 0, async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString() + request.url;
    const [, time = "0"] = /time=([0-9.]+)/.exec(text) ?? [];
    asked.add(time);
    const result = text.includes("memory") ? [{ metric: labels, value: [Number(time), "3758096384"] }] : [];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
  });
  const env = {
    PROMETHEUS_URL: `http://127.0.0.1:${port}`,
    ENABLE_METRICS_COLLECTION: "true",
    METRICS_COLLECTION_INTERVAL: "10s",
  };
  const [one, two] = (await replicas(context, postgres, env)) as [Replica, Replica];
  const rows = async (): Promise<string[]> => {
    const psql = await startProgram("psql", [
      postgres.url,
      "-XAtq",
      "-c",
      "select resource_type, resource_id, name, value, at, labels from metrics order by at",
    ]);
    return (await psql.done).stdout.trim().split("\n").filter(Boolean);
  };
  await becomes(async () => (await rows()).length >= 1, true);
  // The one that led is gone; the other goes on, and writes no interval twice.
  one.program.kill("SIGKILL");
  await one.program.done;
  await becomes(async () => (await rows()).length >= 3, true);
  const found = (await rows()).map((line) => line.split("|"));
  const times = found.map(([, , , , at]) => Number(at));
  expect(new Set(times).size).toBe(times.length);
  for (const [type, id, name, value, at, json] of found) {
    expect([type, id, name, Number(value)]).toEqual(["service", "web", labels.__name__, 3_758_096_384]);
    expect(Number(at) % 10_000).toBe(0);
    expect(JSON.parse(json!)).toMatchObject({ project_id: "p-1", unit: "bytes" });
  }
  expect(asked.size).toBeGreaterThanOrEqual(3);
  two.program.kill("SIGTERM");
  expect((await two.program.done).code).toBe(0);
});
