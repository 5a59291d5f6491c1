/** `promferry agent` between a real node exporter, a real Prometheus and a real VictoriaMetrics. */

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createJournalWriter, createSegments } from "@promferry/core/journal";
import { createSeriesDictionary } from "@promferry/core/series";
import { expect, type TestContext, test } from "vitest";
import {
  exportedSamples,
  query,
  type RunningProgram,
  requireProgram,
  requireServer,
  runCli,
  type StoredSeries,
  samplesOf,
  startCli,
  startNodeExporter,
  startProgram,
  startPrometheus,
  startProxy,
  startVictoriaMetrics,
  workspaceRoot,
} from "./harness/index.ts";

const until = (check: () => unknown, timeout = 30_000) => expect.poll(check, { timeout, interval: 100 });

interface Agent extends RunningProgram {
  /** A number of the agent's own page; the sum over series of that name. */
  metric(name: string): Promise<number>;
}

async function folder(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-agent-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function startAgent(context: TestContext, dir: string, ...args: string[]): Promise<Agent> {
  const running = await startCli(["agent", "--dir", dir, "--listen", "127.0.0.1:0", ...args], {
    timeoutMs: 120_000,
  });
  context.onTestFinished(running.stop);
  const [, url] = await running.waitFor(/(http:\/\/127\.0\.0\.1:\d+)\/metrics tells how it is/);
  return {
    ...running,
    async metric(name) {
      const page = await (await fetch(`${url}/metrics`)).text();
      const lines = page
        .split("\n")
        .filter(
          (line) =>
            line.startsWith(`promferry_agent_${name}{`) || line.startsWith(`promferry_agent_${name} `),
        );
      // Until it may send, it does not know what its destinations have.
      if (lines.length === 0) return Number.NaN;
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
  };
}

/** The exporter behind a proxy that counts: each scrape has to arrive as a sample of `up`, whatever came of it. */
async function startPage(context: TestContext) {
  const exporter = await startNodeExporter();
  context.onTestFinished(exporter.stop);
  const counting = await startProxy(exporter.url);
  context.onTestFinished(counting.stop);
  return {
    url: `${counting.url}/metrics`,
    instance: new URL(counting.url).host,
    scrapes: () => counting.requests.length,
  };
}

const timesOf = ([series]: readonly StoredSeries[]) =>
  (series?.samples ?? []).map(({ timestampMs }) => timestampMs);

test("two flags are enough; a receiver that is away for a while misses nothing, and SIGTERM ends it in time", {
  timeout: 120_000,
}, async (context) => {
  requireServer(context, "prometheus", "node-exporter", "victoria-metrics");
  const page = await startPage(context);
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  let isAway = false;
  const proxy = await startProxy(victoria.url, { onRequest: () => (isAway ? { status: 503 } : undefined) });
  context.onTestFinished(proxy.stop);
  const dir = await folder(context);
  const began = Date.now();
  const agent = await startAgent(
    context,
    dir,
    ...["--scrape", page.url, "--interval", "500ms", "--job", "node"],
    ...["--remote-write", `${prometheus.url}/api/v1/write`, "--remote-write", `${proxy.url}/api/v1/write`],
  );
  const { instance } = page;
  const selector = `up{job="node",instance="${instance}"}`;
  await until(async () => (await query(prometheus.url, selector))[0]?.value).toBe("1");
  await until(
    async () => (await query(prometheus.url, `count({job="node",instance="${instance}"})`))[0]?.value,
  ).toMatch(/^\d{3,}$/);
  await until(() => agent.metric("backlog_bytes")).toBe(0);

  isAway = true;
  await until(() => agent.metric("destination_failing")).toBe(1);
  await delay(3_000);
  expect(await agent.metric("backlog_bytes")).toBeGreaterThan(10_000);
  expect(await agent.metric("oldest_unsent_age_seconds")).toBeGreaterThan(2);
  isAway = false;
  await until(() => agent.metric("destination_failing")).toBe(0);
  await until(() => agent.metric("backlog_bytes"), 60_000).toBe(0);

  agent.kill("SIGTERM");
  const stopped = Date.now();
  const { code, stdout, stderr } = await agent.done;
  expect(Date.now() - stopped).toBeLessThan(10_000);
  expect(code).toBe(143);
  expect(stdout).toMatch(/^scraping .*, sending to .*; queue in .*\n$/);
  expect(stderr.split("\n").map((line) => line.replace(/^promferry: 127\S+ /, ""))).toEqual([
    expect.stringContaining("503"),
    expect.stringMatching(/^takes samples again, after \d+s$/),
    expect.stringContaining("stopped; everything was sent"),
    "",
  ]);

  const inPrometheus = await samplesOf(prometheus.url, selector, began, Date.now());
  const inVictoria = await exportedSamples(victoria.url, selector, began, Date.now());
  // One scrape may have been under way when it ended.
  expect(page.scrapes() - timesOf(inPrometheus).length).toBeOneOf([0, 1]);
  expect(inVictoria).toEqual(inPrometheus.map((series) => ({ ...series, labels: expect.anything() })));
});

test("--protocol 2 and auto bring native histograms to Prometheus, and auto everything else to VictoriaMetrics, which 2 says it can't", {
  timeout: 120_000,
}, async (context) => {
  requireServer(context, "prometheus", "victoria-metrics");
  const prometheus = await startPrometheus({ nativeHistograms: true });
  context.onTestFinished(prometheus.stop);
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  // Prometheus' own page has native histograms, and something in them.
  for (let i = 0; i < 20; i++) await query(prometheus.url, "vector(1)");
  const run = async (job: string, protocol: string, receiver: string) =>
    startAgent(
      context,
      await folder(context),
      ...["--scrape", `${prometheus.url}/metrics`, "--interval", "1s", "--job", job],
      ...["--remote-write", `${receiver}/api/v1/write`, "--protocol", protocol],
    );
  const began = Date.now();
  await run("two", "2", prometheus.url);
  await run("auto", "auto", prometheus.url);
  const toVictoria = await run("auto", "auto", victoria.url);
  const refused = await run("two", "2", victoria.url);

  for (const job of ["two", "auto"]) {
    const selector = `{job="${job}",handler="/api/v1/query"}`;
    const counted = `histogram_count(prometheus_http_request_duration_seconds${selector})`;
    await until(async () => (await query(prometheus.url, counted))[0]?.value).toMatch(/^[1-9]\d+$/);
    expect((await query(prometheus.url, `up{job="${job}"}`))[0]?.value).toBe("1");
  }
  await until(() => toVictoria.metric("accepted_samples_total")).toBeGreaterThan(300);
  await until(() => toVictoria.metric("destination_failing")).toBe(0);
  await until(async () => {
    const [series] = await exportedSamples(victoria.url, 'up{job="auto"}', began, Date.now());
    return series?.samples.length ?? 0;
  }).toBeGreaterThan(1);
  await refused.waitFor(/knows 1\.0 only and nothing was stored; set protocol to 1, or to auto/);
  expect(await refused.metric("accepted_samples_total")).toBe(0);
  expect(await refused.metric("backlog_bytes")).toBeGreaterThan(0);
});

test("a Prometheus without native histograms gets what it would scrape itself: classic ones, and no backlog", {
  timeout: 60_000,
}, async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  for (let i = 0; i < 20; i++) await query(prometheus.url, "vector(1)");
  const agent = await startAgent(
    context,
    await folder(context),
    ...["--scrape", `${prometheus.url}/metrics`, "--interval", "1s", "--job", "p"],
    ...["--remote-write", `${prometheus.url}/api/v1/write`],
  );
  const bucket = 'prometheus_http_request_duration_seconds_bucket{job="p",handler="/api/v1/query",le="+Inf"}';
  await until(async () => (await query(prometheus.url, bucket))[0]?.value).toMatch(/^[1-9]\d+$/);
  const scrapes = await agent.metric("scrapes_total");
  const refused =
    (await agent.metric("refused_samples_total")) + (await agent.metric("unknown_samples_total"));
  await until(() => agent.metric("scrapes_total")).toBeGreaterThan(scrapes + 5);
  expect(await agent.metric("oldest_unsent_age_seconds")).toBeLessThan(3);
  expect((await agent.metric("refused_samples_total")) + (await agent.metric("unknown_samples_total"))).toBe(
    refused,
  );
});

test("killed and started again, it sends what it kept: every scrape that was made, and nothing twice but a request in doubt", {
  timeout: 120_000,
}, async (context) => {
  requireServer(context, "node-exporter", "victoria-metrics");
  const page = await startPage(context);
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  let isAway = false;
  const proxy = await startProxy(victoria.url, { onRequest: () => (isAway ? { status: 503 } : undefined) });
  context.onTestFinished(proxy.stop);
  const dir = await folder(context);
  const began = Date.now();
  const start = () =>
    startAgent(
      context,
      dir,
      ...["--scrape", page.url, "--interval", "250ms"],
      ...["--remote-write", `${proxy.url}/api/v1/write`],
    );
  for (let round = 0; round < 3; round++) {
    const agent = await start();
    await until(() => agent.metric("accepted_samples_total")).toBeGreaterThan(0);
    isAway = round === 1;
    await delay(round === 1 ? 2_500 : 1_000 + round * 130);
    agent.kill("SIGKILL");
    await agent.done;
    isAway = false;
  }
  const last = await start();
  await until(
    async () =>
      (await last.metric("accepted_samples_total")) > 1000 && (await last.metric("backlog_bytes")) === 0,
  ).toBe(true);
  last.kill("SIGTERM");
  await last.done;

  const times = timesOf(await exportedSamples(victoria.url, "up", began, Date.now()));
  const once = new Set(times);
  expect(once.size).toBeGreaterThan(15);
  // At each end one scrape may have been under way, or not yet on the disk.
  expect(page.scrapes() - once.size).toBeOneOf([0, 1, 2, 3, 4]);
  // Each kill may leave one request in doubt, of a few scrapes at most.
  const repeated = proxy.requests.filter((each, i) =>
    proxy.requests.slice(0, i).some((other) => other.targetStatus === 204 && other.body.equals(each.body)),
  );
  expect(repeated.length).toBeLessThanOrEqual(3);
  if (repeated.length === 0) expect(times.length).toBe(once.size);
  // Fewer segments than starts: what was settled is gone.
  expect((await readdir(dir)).filter((name) => name.endsWith(".prom")).length).toBeLessThan(3);
});

test("SIGHUP takes another configuration, a bad one is told and not taken, and a page that goes ends its series", {
  timeout: 120_000,
}, async (context) => {
  requireServer(context, "prometheus", "node-exporter");
  const exporters = [await startNodeExporter(), await startNodeExporter()];
  for (const { stop } of exporters) context.onTestFinished(stop);
  const [first, second] = exporters.map(({ url }) => new URL(url).host);
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const dir = await folder(context);
  const file = join(dir, "config.yaml");
  const configure = (targets: readonly (string | undefined)[]) =>
    writeFile(
      file,
      JSON.stringify({
        metrics: {
          destinations: [{ name: "there", type: "prometheus", url: `${prometheus.url}/api/v1/write` }],
        },
        scrape_configs: [{ job_name: "node", scrape_interval: "500ms", static_configs: [{ targets }] }],
      }),
    );
  await configure([first]);
  const agent = await startAgent(context, join(dir, "queue"), "--config", file);
  const isUp = async (instance: string | undefined) =>
    (await query(prometheus.url, `up{instance="${instance}"}`)).length;
  await until(() => isUp(first)).toBe(1);
  expect(await isUp(second)).toBe(0);

  await writeFile(file, "scrape_configs: [{ job_name: 7, nonsense: true }]\n");
  agent.kill("SIGHUP");
  await agent.waitFor(/not reloaded, the old configuration holds/);
  expect(await agent.metric("config_reloads_total")).toBe(1);

  await configure([first, second]);
  agent.kill("SIGHUP");
  await until(() => isUp(second)).toBe(1);
  await configure([second]);
  agent.kill("SIGHUP");
  // Without a stale marker it would be there for five minutes.
  await until(() => isUp(first)).toBe(0);
  expect(await isUp(second)).toBe(1);
  agent.kill("SIGINT");
  expect((await agent.done).code).toBe(130);
});

test("a second Ctrl-C ends it at once", { timeout: 60_000 }, async (context) => {
  requireServer(context, "node-exporter");
  const exporter = await startNodeExporter();
  context.onTestFinished(exporter.stop);
  const proxy = await startProxy(exporter.url, { onRequest: () => ({ hold: "headers" }) });
  context.onTestFinished(proxy.stop);
  const agent = await startAgent(
    context,
    await folder(context),
    ...["--scrape", `${exporter.url}/metrics`, "--interval", "500ms", "--grace", "1m"],
    ...["--remote-write", `${proxy.url}/api/v1/write`],
  );
  await until(() => proxy.requests.length).toBeGreaterThan(0);
  agent.kill("SIGINT");
  await delay(500);
  agent.kill("SIGINT");
  expect((await agent.done).code).toBe(130);
});

test("a second agent on a folder scrapes nothing and ends with exit 75", {
  timeout: 60_000,
}, async (context) => {
  let scrapes = 0;
  const page = createServer((_, response) => {
    scrapes++;
    response.end("a_total 1\n");
  });
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => void page.close());
  const dir = await folder(context);
  const nowhere = ["--remote-write", "http://127.0.0.1:1/api/v1/write", "--interval", "100ms"];
  await startAgent(context, dir, "--scrape", "127.0.0.1:1", ...nowhere);
  const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}/metrics`;
  const second = await runCli(["agent", "--dir", dir, "--scrape", url, ...nowhere]);
  expect([second.code, scrapes]).toEqual([75, 0]);
  expect(second.stderr).toMatch(/is under way \(process \d+\)/);
});

test("memory does not follow the backlog", { timeout: 240_000 }, async (context) => {
  const dir = await folder(context);
  const began = Date.now() - 1_800_000;
  const dictionary = createSeriesDictionary();
  const series = Array.from({ length: 4_000 }, (_, i) =>
    dictionary.intern("http_requests_total", [
      { name: "instance", value: "127.0.0.1:9100" },
      { name: "job", value: "load" },
      { name: "path", value: `/api/v1/items/${i}` },
    ]),
  );
  const timestampsMs = series.map(() => Number.NaN);
  const segments = createSegments({ dir });
  const writer = createJournalWriter({
    dir,
    segments,
    origin: "scrape",
    consent: "user",
    info: { intervalMs: 1_000 },
  });
  const FRAMES = 500;
  for (let i = 0; i < FRAMES; i++) {
    const values = series.map((_, k) => i * 1_000 + k);
    const family = {
      name: "http_requests_total",
      type: "counter",
      help: "",
      unit: "",
      series,
      timestampsMs,
    } as const;
    await writer.write({ kind: "full", families: [{ ...family, values }], atMs: began + i * 1_000 });
  }
  await writer.close();
  const receiver = createServer(
    (request, response) => void request.resume().once("end", () => response.writeHead(204).end()),
  );
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => void receiver.close().closeAllConnections());
  const { port } = receiver.address() as AddressInfo;
  const agent = await startAgent(
    context,
    dir,
    ...["--scrape", "http://127.0.0.1:9/metrics", "--interval", "1m"],
    ...["--remote-write", `http://127.0.0.1:${port}/api/v1/write`],
  );
  await until(() => agent.metric("backlog_bytes")).toBeGreaterThan(100_000_000);
  let peak = 0;
  await until(async () => {
    peak = Math.max(
      peak,
      Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${agent.pid}/status`, "utf8"))?.[1]) / 1024,
    );
    return agent.metric("backlog_bytes");
  }, 200_000).toBeLessThan(10_000);
  expect(await agent.metric("accepted_samples_total")).toBeGreaterThanOrEqual(FRAMES * series.length);
  expect(peak).toBeLessThan(512);
  console.info(`a backlog of ${FRAMES * series.length} samples: at most ${Math.round(peak)} MiB`);
});

test("the unit that it prints is one that systemd takes, and a hardened one", async (context) => {
  requireProgram(context, "systemd-analyze");
  const dir = await folder(context);
  const { code, stdout } = await runCli([
    ...["agent", "--scrape", "http://localhost:9100/metrics?a=50%25", "--listen", "127.0.0.1:9101"],
    ...["--remote-write", "http://localhost:9090/api/v1/write", "--print-unit"],
  ]);
  expect(code).toBe(0);
  const file = join(dir, "promferry-agent.service");
  await writeFile(file, stdout);
  const verified = await (await startProgram("systemd-analyze", ["verify", file])).done;
  expect(verified).toMatchObject({ code: 0, stdout: "", stderr: "" });
  const offline = ["security", "--offline=yes", "--threshold=20", file];
  expect(await (await startProgram("systemd-analyze", offline)).done).toMatchObject({ code: 0 });
});

test("the commands of docs/agent.md do what the page says", { timeout: 120_000 }, async (context) => {
  requireServer(context, "prometheus", "node-exporter");
  const exporter = await startNodeExporter();
  context.onTestFinished(exporter.stop);
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const dir = await folder(context);
  const here = (text: string) =>
    text
      .replaceAll("localhost:9100", new URL(exporter.url).host)
      .replaceAll("localhost:9090", new URL(prometheus.url).host)
      .replaceAll("127.0.0.1:9101", "127.0.0.1:0");
  const page = await readFile(join(workspaceRoot, "docs/agent.md"), "utf8");
  const blocks = [...page.matchAll(/```(sh|yaml)\n(.*?)```/gs)].map(([, language, text = ""]) => ({
    language,
    text,
  }));
  const [yaml] = blocks.filter(({ language }) => language === "yaml");
  await writeFile(join(dir, "agent.yaml"), here(yaml!.text));
  const commands = blocks
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.trim().split("\n"));
  expect(commands.length).toBeGreaterThanOrEqual(5);
  for (const command of commands) {
    const [program, ...args] = here(command).split(" ");
    expect(program).toBe("promferry");
    const running = await startCli(args, { cwd: dir, env: { HOME: dir } });
    context.onTestFinished(running.stop);
    if (args[0] === "agent" && !args.includes("--print-unit")) {
      await running.waitFor(/^scraping .*; queue in .*/);
      const began = Date.now();
      const instance = new URL(exporter.url).host;
      await until(
        async () =>
          (await samplesOf(prometheus.url, `up{instance="${instance}"}`, began - 10_000, Date.now())).length,
      ).toBeGreaterThan(0);
      running.kill("SIGTERM");
      expect(await running.done, command).toMatchObject({ code: 143 });
    } else expect(await running.done, command).toMatchObject({ code: 0 });
  }
});
