/** `promferry targets` against the real service: a fleet, its files through a restart and a change of store, a goodbye. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, type TestContext, test } from "vitest";
import { type RunningProgram, runCli, startCli, startSource, workspaceRoot } from "./harness/index.ts";

const SERVICE = join(workspaceRoot, "apps/target-service/src/main.ts");
const LIMIT_MS = 40_000;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** A configured service, which does not take a new store for the right one. */
async function setUp(context: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "targets-cli-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(dir, "config.yaml");
  const configure = (database: string) =>
    writeFile(
      config,
      JSON.stringify({
        listen: address,
        data_dir: dir,
        store: { sqlite: join(dir, database) },
        tokens_file: join(dir, "tokens.yaml"),
        policy: { loopback: true },
        log_level: "warn",
      }),
    );
  const start = async (): Promise<RunningProgram> => {
    const program = await startSource(SERVICE, ["--config", config], { timeoutMs: 110_000 });
    context.onTestFinished(() => program.stop());
    await program.waitFor(/listens on/);
    return program;
  };
  const env = {
    PROMFERRY_TARGETS_URL: `http://${address}`,
    PROMFERRY_TARGETS_TOKEN_FILE: join(dir, "first-platform-token"),
  };
  const targets = (...args: string[]) => runCli(["targets", ...args], { env });
  return { dir, url: `http://${address}`, configure, start, env, targets };
}

async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask();
    if (isRight(answer) || Date.now() > deadline) return answer;
    await delay(100);
  }
}

test("a fleet's file follows the service through a restart and a change of its store", async (context) => {
  const { dir, configure, start, env, targets } = await setUp(context);
  await configure("first.db");
  let service = await start();
  const file = join(dir, "watched/node.json");
  const sync = await startCli(["targets", "sync", "--into", join(dir, "watched")], {
    env,
    timeoutMs: 110_000,
  });
  context.onTestFinished(() => sync.stop());
  const groups = async () =>
    JSON.parse(await readFile(file, "utf8").catch(() => "null")) as { targets: string[] }[] | null;

  // A new store is not believed before somebody vouches for it: no file, rather than an empty one.
  await until(
    async () => sync.output().stderr,
    (text) => text.includes("store_new"),
  );
  expect(sync.output().stderr).toContain("(store_new); the files stay as they are");
  expect(await groups()).toBeNull();
  expect(await targets("init")).toMatchObject({ code: 0 });

  const fleet = [
    "--instances",
    "30",
    "--network",
    "127.44",
    "--duration",
    "1s",
    "--heartbeat",
    "100ms",
    "--stay",
  ];
  const played = await targets(
    "simulate",
    ...fleet,
    "--die",
    "2",
    "--cut-off",
    "2",
    "--reboot",
    "2",
    "--json",
  );
  expect(played.code, played.stderr).toBe(0);
  const report = JSON.parse(played.stdout) as { heartbeats: Record<string, number> };
  expect(report).toMatchObject({ joined: 30, refused: {}, died: 2, cut_off: 2, rebooted: 2, left: 0 });
  expect(Object.keys(report.heartbeats)).toEqual(["ok"]);
  expect(await until(groups, (all) => all?.length === 30)).toHaveLength(30);
  // A reboot and a pause changed nothing that a list shows; the dead are still in their lease.
  const listed = await targets("list", "--state", "active", "--json");
  expect((JSON.parse(listed.stdout) as { items: unknown[] }).items).toHaveLength(30);

  const before = await readFile(file, "utf8");
  service.kill();
  await service.done;
  await until(
    async () => sync.output().stderr,
    (text) => text.includes("can't be reached"),
  );
  expect(await readFile(file, "utf8")).toBe(before);
  service = await start();
  expect(await targets("remove", "sim-web-7")).toMatchObject({ code: 0 });
  expect(await until(groups, (all) => all?.length === 29)).toHaveLength(29);
  const shown = JSON.parse((await targets("show", "sim-web-7", "--json")).stdout) as {
    instance: { state: string; removed_by: string };
    events: { what: string; actor: string }[];
  };
  expect(shown.instance).toMatchObject({ state: "removed", removed_by: "platform" });
  expect(shown.events[0]).toMatchObject({ what: "removed-platform", actor: "platform:first" });

  // An empty disk in the place of the old one: the file outlives it until somebody says that nothing is right.
  service.kill();
  await service.done;
  await configure("second.db");
  service = await start();
  await until(
    async () => sync.output().stderr,
    (text) => text.split("(store_new)").length > 2,
  );
  expect(await groups()).toHaveLength(29);
  expect(await targets("init")).toMatchObject({ code: 0 });
  expect(await until(groups, (all) => all?.length === 0)).toEqual([]);
  const again = await targets(
    "simulate",
    "--instances",
    "1",
    "--network",
    "127.44",
    "--duration",
    "1s",
    "--stay",
  );
  expect(again.code).toBe(0);
  expect(await until(groups, (all) => all?.length === 1)).toHaveLength(1);

  sync.kill("SIGTERM");
  expect((await sync.done).code).toBe(143);
});

test("a token from the command line lets an instance in, which says goodbye with its own key", async (context) => {
  const { dir, url, configure, start, targets } = await setUp(context);
  await configure("first.db");
  await start();
  await targets("init");
  const minted = await targets(
    "join-token",
    "--project",
    "p-1",
    "--service",
    "web",
    "--range",
    "127.45.0.1/32",
  );
  expect(minted.code, minted.stderr).toBe(0);
  const key = "k".repeat(43);
  await writeFile(join(dir, "key"), `${key}\n`);
  const joined = await fetch(`${url}/v1/join`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      token: minted.stdout.trim(),
      instance_id: "i-1",
      boot_id: "b-1",
      key: createHash("sha256").update(key).digest("hex"),
      endpoints: [{ name: "node", address: "127.45.0.1" }],
    }),
  });
  expect(joined.status).toBe(201);

  expect(await targets("drain", "i-1", "--key-file", join(dir, "key"))).toMatchObject({ code: 0 });
  expect((await targets("list", "--service", "web")).stdout).toBe(
    "i-1  draining  p-1/web  node 127.45.0.1:9100\n",
  );
  const wrong = await targets("drain", "i-1", "--key-file", join(dir, "first-platform-token"));
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect((await targets("show", "i-2")).code).toBe(2);
  const refused = await targets(
    "join-token",
    "--project",
    "p-1",
    "--service",
    "web",
    "--range",
    "8.8.8.0/24",
  );
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("/ranges/0: expected a range inside");
});
