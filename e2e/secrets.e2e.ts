/** A whole run of the commands with secrets from every source; then everything that it produced is searched for them. */

import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCollector } from "@promferry/collector";
import { counter, defineMetrics } from "@promferry/core";
import { expect, test } from "vitest";
import { runCli } from "./harness/index.ts";

const SECRETS = {
  variable: "var-7Qf2mX9sLp4w",
  file: "file-8Rg3nY0tMq5x",
  command: "cmd-9Sh4oZ1uNr6y",
  header: "head-1Ti5pA2vOs7z",
  plain: "plain-2Uj6qB3wPt8a",
};
const encoded = ["variable", "plain"].map((which) =>
  Buffer.from(`bob:${SECRETS[which as keyof typeof SECRETS]}`).toString("base64"),
);
const NEEDLES = [...Object.values(SECRETS), ...encoded];

function leaksIn(text: string): string[] {
  return NEEDLES.filter((secret) => text.includes(secret));
}

/** Looks at the arguments of every process for as long as the test runs. */
function watchProcesses(): { readonly leaks: Set<string>; readonly seen: () => number; stop(): void } {
  const leaks = new Set<string>();
  const seen = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        if (args.includes("main.ts")) seen.add(pid);
        for (const leak of leaksIn(args)) leaks.add(`${leak}: ${args}`);
      } catch {
        // It has ended.
      }
    }
  }, 10);
  return { leaks, seen: () => seen.size, stop: () => clearInterval(timer) };
}

test("no secret is in what any command prints, writes or runs, and each arrives where it belongs", async (context) => {
  const got = new Map<string, Set<string>>();
  const server = createServer((request, response) => {
    const path = request.url!.split("/")[1]!;
    const said = `${request.headers.authorization} ${request.headers["x-api-key"]}`;
    got.set(path, (got.get(path) ?? new Set()).add(said));
    request.resume().on("end", () => {
      // A receiver that gives back what it was given, and that is how secrets come into error messages.
      if (path === "denied") response.writeHead(401).end(`who is ${said}?`);
      else if (path === "refuses") response.writeHead(400).end(`bad request of ${said}`);
      else response.writeHead(request.method === "PUT" ? 202 : 204).end();
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  context.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const home = await mkdtemp(join(tmpdir(), "promferry-secrets-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const kept = join(home, "kept");
  const journal = join(home, "journal");
  await mkdir(kept);
  await writeFile(join(kept, "token"), `${SECRETS.file}\n`);
  await writeFile(join(kept, "print.sh"), `echo ${SECRETS.command}\n`);
  const variable = { username: "bob", password: "${GW_PASSWORD}" };
  const destinations = [
    { name: "prom", type: "prometheus", url: `${base}/prom`, auth: variable },
    {
      name: "gateway",
      type: "pushgateway",
      url: `${base}/gateway`,
      auth: { token_file: join(kept, "token") },
    },
    {
      name: "own",
      type: "http",
      url: `${base}/own`,
      auth: { token_cmd: ["sh", join(kept, "print.sh")] },
      headers: { "X-Api-Key": "${API_KEY}" },
    },
    {
      name: "denied",
      type: "http",
      url: `${base}/denied`,
      auth: { username: "bob", password: SECRETS.plain },
    },
    { name: "refuses", type: "prometheus", url: `${base}/refuses`, auth: variable },
    { name: "away", type: "http", url: "http://127.0.0.1:1/x", auth: variable },
  ];
  const config = join(kept, "config.yaml");
  await writeFile(config, JSON.stringify({ app: "k1", metrics: { dir: journal, destinations } }));

  const metrics = defineMetrics(
    { namespace: "k1" },
    { runs: counter({ name: "runs_total", help: "Runs." }) },
  );
  const consent = { config: { enabled: true } };
  const collector = createCollector({ catalogue: metrics, dir: journal, app: "k1", consent, env: {} });
  await collector.start();
  metrics.runs.inc();
  await collector.stop();

  const processes = watchProcesses();
  context.onTestFinished(processes.stop);
  const env = { GW_PASSWORD: SECRETS.variable, API_KEY: SECRETS.header };
  const printed: string[] = [];
  const codes: Record<string, number | null> = {};
  for (const command of [
    "config check",
    "config explain",
    "config explain --json",
    "preview --now --write requests",
    "preview --now --json",
    "privacy explain --json",
    "doctor",
    "doctor --json",
    "upload-metrics --now --timeout 2s --verbose",
    "upload-metrics --now --timeout 2s --json --verbose --force",
    "status",
    "status --json",
    "export",
    "journal verify",
    "catalog",
    "upload-metrics --install-schedule systemd",
    "upload-metrics --to nowhere",
    "forget --yes",
  ]) {
    const args = [...command.split(" "), "--config", config];
    const { code, stdout, stderr } = await runCli(args, { env: { ...env, PROMFERRY_DEBUG: "1" }, cwd: home });
    codes[command] = code;
    printed.push(stdout, stderr);
    expect({ command, leaks: leaksIn(`${stdout}${stderr}`) }).toEqual({ command, leaks: [] });
    const files = await readdir(home, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile() && entry.parentPath !== kept)) {
      const path = join(file.parentPath, file.name);
      expect({ command, path, leaks: leaksIn(await readFile(path, "latin1")) }).toEqual({
        command,
        path,
        leaks: [],
      });
    }
  }

  expect([...processes.leaks]).toEqual([]);
  expect(processes.seen()).toBeGreaterThan(5);
  const basic = `Basic ${encoded[0]} undefined`;
  expect(Object.fromEntries(Array.from(got, ([path, said]) => [path, [...said]]))).toMatchObject({
    prom: expect.arrayContaining([basic]),
    gateway: expect.arrayContaining([`Bearer ${SECRETS.file} undefined`]),
    own: expect.arrayContaining([`Bearer ${SECRETS.command} ${SECRETS.header}`]),
    denied: expect.arrayContaining([`Basic ${encoded[1]} undefined`]),
    refuses: expect.arrayContaining([basic]),
  });
  expect(codes["upload-metrics --now --timeout 2s --verbose"]).toBe(3);
  expect(printed.join("")).toContain("POST ");
});
