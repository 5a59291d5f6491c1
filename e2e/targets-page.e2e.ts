/** docs/targets.md is true: its commands, as they stand there, take a machine from nothing to instances in Prometheus. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { markdownBlocks } from "../tools/markdown-blocks.ts";
import { serverProgram } from "../tools/servers.mjs";
import { requireServer, workspaceRoot } from "./harness/index.ts";

const LIMIT_MS = 110_000;

/** What the alerts are made of is there: a rule over a metric that nobody scrapes is silent for ever. */
const ALERTS = [
  'promferry_targets_instances{state="lost"} == 0',
  "promferry_targets_authoritative == 1",
  'prometheus_sd_discovered_targets{name="scrape", config="ferry-node"} == on () group_left () max(promferry_targets_served{endpoint="node"})',
].map(
  (promql) =>
    `until curl -s http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=${promql}' | grep -q '"value"'; do sleep 0.5; done`,
);

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

test("the commands of docs/targets.md do what the page says", { timeout: 120_000 }, async (context) => {
  requireServer(context, "prometheus");
  const home = await mkdtemp(join(tmpdir(), "targets-page-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  const bin = join(home, "bin");
  await mkdir(bin);
  for (const [name, main] of [
    ["promferry", "apps/cli/src/main.ts"],
    ["promferry-targets", "apps/target-service/src/main.ts"],
  ] as const) {
    const program = `exec '${process.execPath}' --conditions=@promferry/source '${join(workspaceRoot, main)}' "$@"`;
    await writeFile(join(bin, name), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
  }
  await symlink(serverProgram("prometheus"), join(bin, "prometheus"));

  // Only the ports are not the page's own: others run tests on this machine.
  const [service, prometheus] = [await freePort(), await freePort()];
  const page = await readFile(join(workspaceRoot, "docs/targets.md"), "utf8");
  const blocks = markdownBlocks(page).filter(({ language }) => language === "sh");
  expect(blocks.length).toBeGreaterThan(6);
  const commands = blocks
    .map(({ code, line }) => `echo "# docs/targets.md:${line}"\n${code}`)
    .concat(ALERTS)
    .join("\n")
    .replaceAll("127.0.0.1:9180", `127.0.0.1:${service}`)
    .replaceAll("127.0.0.1:9090", `127.0.0.1:${prometheus}`);
  const child = spawn("bash", ["-euo", "pipefail", "-c", commands], {
    cwd: home,
    // A group of its own: what the page leaves running ends with the test.
    detached: true,
    env: {
      PATH: `${bin}:${process.env["PATH"]}`,
      HOME: home,
      NO_COLOR: "1",
      PROMFERRY_TARGETS_LISTEN: `127.0.0.1:${service}`,
      PROMFERRY_TARGETS_URL: `http://127.0.0.1:${service}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  };
  process.once("exit", end);
  context.onTestFinished(() => {
    end();
    process.off("exit", end);
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const timer = setTimeout(end, LIMIT_MS);
  // Not "close": the page's servers hold the output open.
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status, signal) => resolve(signal ?? status));
  });
  clearTimeout(timer);

  expect(code, said).toBe(0);
  expect(said).toContain("sim-web-3  active  demo/web  node 127.40.0.3:9100");
  expect(said).toMatch(/"click_deploy_service_memory_usage_bytes":\{[^}]*"status":"ok"/);
  expect(said).toMatch(/sim-web-1 {2}removed/);
});
