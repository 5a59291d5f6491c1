import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { grantOf } from "@promferry/target-registry";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "./stores/index.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

async function folder(config: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "targets-command-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "config.yaml"), config);
  return dir;
}

function start(dir: string, ...args: readonly string[]) {
  const child = spawn(
    process.execPath,
    ["--conditions=@promferry/source", MAIN, "--config", join(dir, "config.yaml"), ...args],
    { env: { PATH: process.env["PATH"], HOME: dir } },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.err += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number, ...printed }));
  return { child, printed, ended };
}

const CONFIG = "listen: 127.0.0.1:0\ndata_dir: data\naudit_file: audit.jsonl\n";

test("tokens are made, the store is confirmed and moved, and the service ends in order", {
  timeout: 30_000,
}, async () => {
  const dir = await folder(CONFIG);
  const made = await start(dir, "token", "platform", "--name", "cloud").ended;
  expect(made).toMatchObject({ code: 0, err: "" });
  const token = made.out.trim();
  expect((await stat(join(dir, "data/tokens.yaml"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(dir, "data/tokens.yaml"), "utf8")).not.toContain(token);
  expect((await start(dir, "init").ended).code).toBe(0);

  const service = start(dir);
  while (!service.printed.out.includes("listens on")) await once(service.child.stdout, "data");
  const [, url] = /listens on (\S+)/.exec(service.printed.out)!;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const body = JSON.stringify({
    ...{ project: "p", service: "s", liveness: "platform" },
    endpoints: [{ name: "node", address: "10.0.0.1" }],
  });
  const put = await fetch(`${url}/v1/instances/i-1`, { method: "PUT", headers, body });
  expect(put.status).toBe(201);
  // A long poll is answered, not cut.
  const poll = fetch(`${url}/v1/sd/changes?since=1&wait=55`, { headers });
  const list = await fetch(`${url}/v1/sd/prometheus`, { headers });
  const text = await list.text();
  service.child.kill("SIGTERM");
  expect((await poll).status).toBe(204);
  expect((await service.ended).code).toBe(0);
  const audit = (await readFile(join(dir, "audit.jsonl"), "utf8")).trim().split("\n");
  expect(audit.map((line) => JSON.parse(line) as object)).toMatchObject([
    { action: "instance.put", actor: "platform:cloud", instance: "i-1", status: 201 },
  ]);

  const exported = await start(dir, "export").ended;
  const other = await folder(`${CONFIG}tokens_file: ${join(dir, "data/tokens.yaml")}\n`);
  await writeFile(join(other, "targets.jsonl"), exported.out);
  await writeFile(join(other, "cut.jsonl"), exported.out.split("\n").slice(0, 2).join("\n"));
  expect(await start(other, "import", join(other, "cut.jsonl")).ended).toMatchObject({
    code: 69,
    err: expect.stringContaining("its end after 2 records: the export was cut short"),
  });
  expect(await start(other, "import", join(other, "targets.jsonl")).ended).toMatchObject({
    code: 0,
    err: "",
  });
  expect(await start(other, "import", join(other, "targets.jsonl")).ended).toMatchObject({ code: 69 });
  const moved = start(other);
  while (!moved.printed.out.includes("listens on")) await once(moved.child.stdout, "data");
  const [, otherUrl] = /listens on (\S+)/.exec(moved.printed.out)!;
  const same = await fetch(`${otherUrl}/v1/sd/prometheus`, { headers });
  expect(await same.text()).toBe(text);
  expect(same.headers.get("etag")).toBe(list.headers.get("etag"));
  moved.child.kill("SIGINT");
  expect((await moved.ended).code).toBe(0);
});

test("an export that is stopped takes writes again, and so does the next one after one that was killed", {
  timeout: 30_000,
}, async () => {
  const dir = await folder(CONFIG);
  await mkdir(join(dir, "data"));
  const store = await openSqliteStore({ file: join(dir, "data/targets.db") });
  onTestFinished(() => store.close());
  const cause = { actor: "test" };
  // More than the pipe to a reader that does not read.
  for (let n = 0; n < 600; n++) {
    const endpoints = [{ name: "node", address: `10.0.${n >> 8}.${n & 255}`, port: 9_100 }];
    const spec = {
      id: `i-${n}`,
      project: "p",
      service: "s",
      scope: "x",
      liveness: "platform",
      endpoints,
    } as const;
    const put = { type: "platform-put", spec: { ...spec, labels: {} }, grant: grantOf(endpoints) } as const;
    await store.apply(spec.id, { ...put, ownProjectOnly: false }, cause);
  }
  const stopped = start(dir, "export");
  stopped.child.stdout.pause();
  await expect.poll(async () => (await store.info()).frozen, { timeout: 10_000 }).toBe(true);
  stopped.child.kill("SIGTERM");
  await expect.poll(async () => (await store.info()).frozen, { timeout: 10_000 }).toBe(false);
  stopped.child.stdout.resume();
  expect(await stopped.ended).toMatchObject({ code: 1, err: expect.stringContaining("stopped by SIGTERM") });

  await store.freeze(cause);
  const next = await start(dir, "export").ended;
  expect(next).toMatchObject({ code: 0, err: expect.stringContaining("frozen already") });
  expect((await store.info()).frozen).toBe(false);
});

test("a configuration that is wrong ends with 78, wrong use with 64, and says where", {
  timeout: 60_000,
}, async () => {
  const dir = await folder("listen: 127.0.0.1:0\nstore: {sqlight: x}\n");
  expect(await start(dir).ended).toMatchObject({
    code: 78,
    err: expect.stringContaining('config.yaml:2:9: unknown key "sqlight"'),
  });
  expect((await start(dir, "conquer").ended).code).toBe(64);
  await writeFile(join(dir, "config.yaml"), "listen: 127.0.0.1:0\naudit_file: nowhere/audit.jsonl\n");
  expect(await start(dir).ended).toMatchObject({
    code: 78,
    err: expect.stringContaining("audit_file: ENOENT"),
  });
  // Told to limit it, nobody expects a token that may do everything.
  expect(await start(dir, "token", "platform", "--name", "a", "--project", "p-1").ended).toMatchObject({
    code: 78,
    out: "",
    err: expect.stringContaining("can't be limited with --project"),
  });
});

test("a start that fails leaves no token behind that nobody was told", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const dir = await folder(`listen: 127.0.0.1:${port}\ndata_dir: data\n`);
  const { code, err } = await start(dir).ended;
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining("EADDRINUSE") });
  expect(await readdir(join(dir, "data"))).not.toContain("tokens.yaml");
});
