import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DEFAULT_TIMINGS, grantOf, planSweep } from "@promferry/target-registry";
import type { StoreOptions, StoreRecord, TargetStore } from "@promferry/target-registry/store";
import { describeTargetStore } from "@promferry/target-registry/testing";
import { expect, type TestContext, test } from "vitest";
import { openSqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";

describeTargetStore("sqlite", {
  handles: "many",
  create: async () => {
    const dir = await mkdtemp(join(tmpdir(), "promferry-store-"));
    return {
      open: (options) => openSqliteStore({ ...options, file: join(dir, "targets.db") }),
      drop: () => rm(dir, { recursive: true }),
    };
  },
});

const CAUSE = { actor: "test" };

async function newFile({ onTestFinished }: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-store-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  return join(dir, "targets.db");
}

async function openAt(
  context: TestContext,
  file: string,
  options: StoreOptions & Partial<SqliteStoreOptions> = {},
): Promise<TargetStore> {
  const store = await openSqliteStore({ ...options, file });
  context.onTestFinished(() => store.close());
  return store;
}

function put(
  store: TargetStore,
  id: string,
  liveness: "heartbeat" | "platform" = "platform",
): Promise<unknown> {
  const n = Number(id.replace(/^i-/, ""));
  const endpoints = [{ name: "node", address: `10.0.${n >> 8}.${n & 255}`, port: 9100 }];
  const spec = { id, project: "p-1", service: "s-1", scope: "default", liveness, endpoints, labels: {} };
  return store.apply(id, { type: "platform-put", spec, grant: grantOf(endpoints) }, CAUSE);
}

test("the file is its owner's alone, and syncs every commit", async (context) => {
  const file = await newFile(context);
  const store = await openAt(context, file);
  await put(store, "i-1");
  for (const name of [file, `${file}-wal`]) expect((await stat(name)).mode & 0o777).toBe(0o600);
  const other = new DatabaseSync(file);
  context.onTestFinished(() => other.close());
  expect(other.prepare("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
});

test("what was acknowledged is there after SIGKILL", async (context) => {
  const file = await newFile(context);
  const entry = new URL("./sqlite-store.ts", import.meta.url).href;
  const program = `
    import { openSqliteStore } from ${JSON.stringify(entry)};
    const store = await openSqliteStore({ file: ${JSON.stringify(file)} });
    for (let n = 1; ; n++) {
      const endpoints = [{ name: "node", address: \`10.0.\${n >> 8}.\${n & 255}\`, port: 9100 }];
      const spec = { id: \`i-\${n}\`, project: "p-1", service: "s-1", scope: "default", liveness: "platform", endpoints, labels: {} };
      const grant = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };
      const applied = await store.apply(spec.id, { type: "platform-put", spec, grant }, { actor: "test" });
      console.log(applied.instance.rev);
    }`;
  const child = spawn(
    process.execPath,
    ["--conditions=@promferry/source", "--input-type=module", "-e", program],
    {
      cwd: new URL(".", import.meta.url),
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  context.onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) {
    printed += chunk;
    if (printed.split("\n").length > 50) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const last = Number(printed.trimEnd().split("\n").at(-1));
  const store = await openAt(context, file);
  const { rev } = await store.info();
  expect(rev).toBeGreaterThanOrEqual(last);
  expect((await store.list({}, { limit: 10_000 })).items).toHaveLength(rev);
});

test("a writer waits for another process that writes, and gives up in time", async (context) => {
  const file = await newFile(context);
  const store = await openAt(context, file, { busyMs: 150 });
  const other = new DatabaseSync(file);
  context.onTestFinished(() => other.close());
  other.exec("begin immediate");
  await expect(put(store, "i-1")).rejects.toMatchObject({ code: "ERR_STORE_UNAVAILABLE", retryable: true });
  expect(await store.list()).toEqual({ items: [] });
  const waiting = put(store, "i-1");
  other.exec("rollback");
  expect(await waiting).toMatchObject({ ok: true });
});

test("a change by another process wakes who waits", async (context) => {
  const file = await newFile(context);
  const store = await openAt(context, file);
  const signal = AbortSignal.timeout(5_000);
  const woken = store.wait(0, signal);
  const other = new DatabaseSync(file);
  context.onTestFinished(() => other.close());
  other.exec("update store set rev = 1");
  await woken;
  expect(signal.aborted).toBe(false);
  expect((await store.info()).rev).toBe(1);
});

test("a file that is no store, and one of a newer version, are left alone", async (context) => {
  const file = await newFile(context);
  await writeFile(file, "not a database, and longer than its header would be".repeat(40));
  await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: "ERR_STORE_DAMAGED" });
  const newer = `${file}-newer`;
  const database = new DatabaseSync(newer);
  database.exec("pragma user_version = 99");
  database.close();
  await expect(openSqliteStore({ file: newer })).rejects.toMatchObject({ code: "ERR_STORE_DAMAGED" });
  await expect(openSqliteStore({ file: join(file, "x") })).rejects.toMatchObject({
    code: "ERR_STORE_UNAVAILABLE",
  });
});

test("an import whose source fails is undone, and the store goes on", async (context) => {
  const source = await openAt(context, await newFile(context));
  for (let i = 1; i <= 600; i++) await put(source, `i-${i}`);
  const store = await openAt(context, await newFile(context));
  async function* cut(): AsyncGenerator<StoreRecord> {
    let n = 0;
    for await (const record of source.export()) {
      if (++n === 590) throw new Error("the export broke off");
      yield record;
    }
  }
  await expect(store.import(cut())).rejects.toThrow("the export broke off");
  expect(await store.info()).toMatchObject({ rev: 0 });
  expect(await store.list()).toEqual({ items: [] });
  expect(await put(store, "i-2")).toMatchObject({ ok: true, instance: { rev: 1 } });
});

for (const { name, jumpMs, extendMs } of [
  { name: "ahead by more than a third of the lease", jumpMs: 3_600_000, extendMs: 3_605_000 },
  { name: "ahead by little", jumpMs: 1_000, extendMs: 0 },
]) {
  test(`a host clock that jumps ${name} ${extendMs > 0 ? "lapses nobody" : "changes nothing"}`, async (context) => {
    const clock = { at: 1_790_000_000_000 };
    const file = await newFile(context);
    const store = await openAt(context, file, { now: () => clock.at });
    await put(store, "i-1", "heartbeat");
    const fence = (await store.lead("sweep", "a", 86_400_000))!;
    const sweep = async (): Promise<ReturnType<typeof planSweep>> => {
      const [now, state, due, tally] = [
        await store.now(),
        await store.sweepState(),
        await store.due(100),
        await store.tally(),
      ];
      const plan = planSweep({ now, state, due, tally, timings: DEFAULT_TIMINGS });
      if (plan.extendMs > 0) await store.extendDeadlines(plan.extendMs, fence);
      await store.saveSweepState(plan.state, fence);
      await store.lapse(plan.lapse, fence);
      return plan;
    };
    await sweep();
    clock.at += 5_000 + jumpMs;
    expect(await sweep()).toMatchObject({ extendMs, lapse: [] });
    expect(await store.due(100)).toEqual([]);
    expect(await store.get("i-1")).toMatchObject({ state: "expected" });
  });
}
