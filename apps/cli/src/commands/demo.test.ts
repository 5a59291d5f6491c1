import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";
import { StopSignal } from "../io.ts";

test("demo reads back what the workload counted, whatever the environment says, and leaves nothing", async () => {
  const folder = temporaryFolder();
  const { exitCode, json } = await runCli(["demo", "--json"], { env: { DO_NOT_TRACK: "1", TMPDIR: folder } });
  expect(exitCode).toBe(0);
  const result = json() as {
    orders: Record<string, number>;
    ordersRead: unknown;
    sent: { accepted: number }[];
    received: { samples: number };
    page: { samples: number };
  };
  expect(result.ordersRead).toEqual(result.orders);
  expect(Object.values(result.orders).every((count) => count > 10)).toBe(true);
  expect(result.page.samples).toBeGreaterThan(30);
  expect(result.received.samples).toBe(result.sent[0]?.accepted);
  expect(readdirSync(folder)).toEqual([]);
});

test("demo --dir keeps a folder that the other commands understand", async () => {
  const home = temporaryFolder();
  const { exitCode, stdout } = await runCli(["demo", "--dir", "kept"], { home });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(join(home, "kept", "journal"));
  const status = await runCli(["status", "--config", "kept/config.yaml"], { home });
  expect(status.stdout).toMatch(/^demo {2}\d+ samples accepted, 0 frames waiting/m);
  const exported = await runCli(["export", "--dir", "kept/received", "--format", "jsonl"], { home });
  expect(exported.stdout).toContain('"metric":"shop_orders_total"');
});

test("demo takes no folder that has something in it, and leaves that as it is", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "config.yaml"), "app: mine\n");
  const { exitCode, stdout, stderr } = await runCli(["demo", "--dir", "."], { home });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain(`${home} is not empty`);
  expect(readdirSync(home)).toEqual(["config.yaml"]);
  expect(readFileSync(join(home, "config.yaml"), "utf8")).toBe("app: mine\n");
});

test("demo prints commands that a shell takes, blanks in the path and all", async () => {
  const home = temporaryFolder();
  const { stdout } = await runCli(["demo", "--dir", "my demo"], { home });
  expect(stdout).toContain(`promferry status --config '${join(home, "my demo", "config.yaml")}'\n`);
  expect(stdout).toContain(`--dir '${join(home, "my demo", "received")}'\n`);
});

test("demo that is interrupted ends with 130 and leaves nothing", async () => {
  const folder = temporaryFolder();
  const stop = new AbortController();
  const running = runCli(["demo"], { signal: stop.signal, env: { TMPDIR: folder } });
  while (readdirSync(folder).length === 0) await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new StopSignal("SIGINT"));
  const { exitCode, stdout } = await running;
  expect(exitCode).toBe(130);
  expect(stdout).toBe("");
  expect(readdirSync(folder)).toEqual([]);
});
