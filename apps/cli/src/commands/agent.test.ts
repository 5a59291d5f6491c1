import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { createJournalWriter, openJournal, segmentsAmong } from "@promferry/core/journal";
import { startReceiver } from "@promferry/core/testing";
import { expect, type TestContext, test } from "vitest";
import { homeWith, runCli, temporaryFolder } from "../../test/run-cli.ts";
import { agentUnit } from "../agent/agent-unit.ts";

const DESTINATION =
  "metrics: { destinations: [{ name: there, type: prometheus, url: 'http://127.0.0.1:1/write' }] }";
const JOB = "scrape_configs: [{ job_name: node, static_configs: [{ targets: ['127.0.0.1:1'] }] }]";
const GATEWAY = "metrics: { destinations: [{ name: gate, type: pushgateway, url: 'http://127.0.0.1:1' }] }";
const URLS = ["--scrape", "127.0.0.1:1", "--remote-write", "http://127.0.0.1:1/w"];

for (const { name, yaml = "", args = [], exitCode, says } of [
  { name: "without a page", yaml: DESTINATION, exitCode: 78, says: "there is nothing to scrape" },
  { name: "without a receiver", yaml: JOB, exitCode: 78, says: "there is nowhere to send it" },
  {
    name: "with a Pushgateway only",
    yaml: `${JOB}\n${GATEWAY}`,
    exitCode: 78,
    says: "gate keeps the latest values only",
  },
  {
    name: "with a receiver that is no URL",
    args: ["--scrape", "a:1", "--remote-write", "there"],
    exitCode: 2,
    says: "expected a URL",
  },
  {
    name: "with credentials on the command line",
    args: ["--scrape", "a:1", "--remote-write", "http://me:secret@there/w"],
    exitCode: 2,
    says: "--remote-write http://…@there/w: a user name or password may not stand in it",
  },
  {
    name: "with a page open to all",
    args: [...URLS, "--listen", "0.0.0.0:0"],
    exitCode: 2,
    says: "has no authentication",
  },
  {
    name: "with an address that is none",
    args: [...URLS, "--listen", "here"],
    exitCode: 2,
    says: "expected host:port",
  },
  {
    name: "with a tiny queue",
    yaml: "agent: { max_bytes: 1KiB }",
    args: URLS,
    exitCode: 78,
    says: "expected at least 1MiB",
  },
  {
    name: "with another protocol",
    args: [...URLS, "--protocol", "3"],
    exitCode: 2,
    says: "Allowed choices are 1, 2, auto",
  },
]) {
  test(`an agent ${name} ends with exit ${exitCode} and says why`, async () => {
    const { home, config } = homeWith(yaml);
    const result = await runCli(["agent", "--config", config, ...args], { home });
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(says);
    expect(result.stderr).not.toContain("secret");
  });
}

test("a folder with a program's journal is refused", async () => {
  const home = temporaryFolder();
  const info = { intervalMs: 1000 };
  await createJournalWriter({ dir: home, origin: "app", consent: "config", info }).write({
    kind: "start",
    families: [],
  });
  const { exitCode, stderr } = await runCli(["agent", ...URLS, "--dir", home], { home });
  expect([exitCode, stderr]).toEqual([78, expect.stringContaining(`${home} holds the journal of a program`)]);
});

/** An agent that runs in this process until the test ends it. */
async function running(context: TestContext, args: readonly string[], setup: { home?: string } = {}) {
  const { home = temporaryFolder() } = setup;
  const stopping = new AbortController();
  let hangup = () => {};
  let printed = "";
  const ended = runCli(["agent", ...args], {
    home,
    signal: stopping.signal,
    onHangup: (handler) => {
      hangup = handler;
    },
    onStdout: (text) => {
      printed = text;
    },
  });
  const stop = async () => {
    stopping.abort();
    return ended;
  };
  context.onTestFinished(async () => void (await stop()));
  await expect.poll(() => printed, { timeout: 10_000 }).toContain("queue in");
  const [, url = ""] = /(http:\/\/127[^ ]*)\/metrics tells/.exec(printed) ?? [];
  return { home, url, stop, hangup: () => hangup() };
}

test("an agent that may take a month to end waits for an answer", async (context) => {
  const page = await startReceiver((_, response) => response.end("a_total 1\n"));
  context.onTestFinished(page.close);
  const late: (() => void)[] = [];
  const store = await startReceiver((_, response) => {
    late.push(() => response.writeHead(204).end());
  });
  context.onTestFinished(store.close);
  const args = ["--scrape", page.url, "--remote-write", `${store.url}/write`, "--interval", "200ms"];
  const { stop } = await running(context, [...args, "--grace", "30d"]);
  await expect.poll(() => late.length, { timeout: 10_000 }).toBe(1);
  const stopped = stop();
  // Timers fire in order: a month that was taken for 1 ms is over by then.
  const answering = setInterval(() => late.shift()?.(), 50);
  const { stderr } = await stopped;
  clearInterval(answering);
  expect(stderr).toContain("stopped; everything was sent");
});

test("what is scraped is queued in segments, sent, and served as figures", async (context) => {
  const page = await startReceiver((_, response) => response.end("a_total 1\n"));
  context.onTestFinished(page.close);
  const store = await startReceiver((_, response) => response.writeHead(204).end());
  context.onTestFinished(store.close);
  const args = [
    "--scrape",
    page.url,
    "--interval",
    "200ms",
    "--remote-write",
    `${store.url}/write`,
    "--listen",
    "127.0.0.1:0",
  ];
  const { home, url, stop } = await running(context, args);
  await expect.poll(() => store.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    return [response.status, await response.text()];
  };
  expect(await get("/-/healthy")).toEqual([200, "healthy\n"]);
  expect(await get("/-/ready")).toEqual([200, "ready\n"]);
  expect(await get("/metrics")).toEqual([
    200,
    expect.stringMatching(/promferry_agent_targets\{state="up"\} 1\n/),
  ]);
  expect(await get("/metrics", { method: "HEAD" })).toEqual([200, ""]);
  expect(await get("/metrics", { method: "POST", body: "x" })).toEqual([405, "GET and HEAD only\n"]);
  expect((await get("/elsewhere"))[0]).toBe(404);
  const { exitCode, stderr } = await stop();
  expect(exitCode).toBe(130);
  expect(stderr).toContain("stopped; everything was sent");
  const { files, frames } = await openJournal(join(home, ".promferry/agent")).index();
  expect(segmentsAmong(files.map(({ name }) => name))).toHaveLength(files.length);
  expect(new Set(frames.map(({ header }) => `${header.origin} ${header.consent}`))).toEqual(
    new Set(["scrape user"]),
  );
});

test("each failure is told once, and so is its end", async (context) => {
  let isBroken = true;
  const answer = (_: unknown, response: import("node:http").ServerResponse) =>
    isBroken ? response.writeHead(503).end("later") : response.end("a_total 1\n");
  const page = await startReceiver(answer);
  const store = await startReceiver(answer);
  for (const { close } of [page, store]) context.onTestFinished(close);
  const args = ["--scrape", page.url, "--interval", "100ms", "--remote-write", `${store.url}/write`];
  const { stop } = await running(context, args);
  await expect.poll(() => page.requests.length, { timeout: 10_000 }).toBeGreaterThan(5);
  await expect.poll(() => store.requests.length, { timeout: 10_000 }).toBeGreaterThan(1);
  isBroken = false;
  const broken = store.requests.length;
  await expect.poll(() => store.requests.length, { timeout: 10_000 }).toBeGreaterThan(broken + 1);
  const { stderr } = await stop();
  const lines = stderr.split("\n").filter((line) => line.startsWith("promferry: "));
  for (const pattern of [
    /503.*kept and sent later/,
    /takes samples again/,
    /\/metrics: .*503/,
    /there again/,
    /stopped; everything/,
  ]) {
    expect(
      lines.filter((line) => pattern.test(line)),
      String(pattern),
    ).toHaveLength(1);
  }
  expect(lines).toHaveLength(5);
});

test("a reload that fails leaves everything as it was, and a good one takes the new pages", async (context) => {
  const pages = [
    await startReceiver((_, response) => response.end("a_total 1\n")),
    await startReceiver((_, response) => response.end("b_total 1\n")),
  ];
  for (const { close } of pages) context.onTestFinished(close);
  const store = await startReceiver((_, response) => response.writeHead(204).end());
  context.onTestFinished(store.close);
  const configOf = (url: string) => `
scrape_configs: [{ job_name: page, scrape_interval: 100ms, static_configs: [{ targets: ['${new URL(url).host}'] }] }]
metrics: { destinations: [{ name: there, type: prometheus, url: '${store.url}/write' }] }
agent: { dir: queue }
`;
  const { home, config } = homeWith(configOf(pages[0]!.url));
  const agent = await running(context, ["--config", config], { home });
  await expect.poll(() => pages[0]!.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
  await writeFile(config, "nonsense: 1\n");
  agent.hangup();
  await writeFile(config, "scrape_configs: []\n");
  const before = pages[0]!.requests.length;
  await expect.poll(() => pages[0]!.requests.length, { timeout: 10_000 }).toBeGreaterThan(before + 1);
  await writeFile(config, configOf(pages[1]!.url));
  agent.hangup();
  await expect.poll(() => pages[1]!.requests.length, { timeout: 10_000 }).toBeGreaterThan(1);
  const { stderr } = await agent.stop();
  expect(stderr).toMatch(/not reloaded, the old configuration holds: /);
  expect(stderr).toMatch(/promferry: reloaded: scraping page, sending to there /);
  expect((await openJournal(join(home, "queue")).index()).frames.some(({ header }) => header.exit)).toBe(
    true,
  );
});

test("the server of figures outlives bad clients", async (context) => {
  const page = await startReceiver((_, response) => response.end("a_total 1\n"));
  context.onTestFinished(page.close);
  const args = ["--scrape", page.url, "--remote-write", `${page.url}/write`, "--listen", "127.0.0.1:0"];
  const { url } = await running(context, args);
  const status = await new Promise((resolve) => {
    const headers = { "x-long": "x".repeat(20_000) };
    request(`${url}/metrics`, { headers }, (response) => resolve(response.resume().statusCode)).end();
  });
  expect(status).toBe(431);
  expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
});

test("the unit names program, queue and signal, and keeps percent signs and spaces", () => {
  const unit = agentUnit({
    program: ["/usr/bin/node", "/opt/prom ferry/main.js"],
    args: ["--scrape", "http://a/metrics?x=50%25"],
    graceMs: 10_000,
    isAtHome: false,
  });
  expect(unit).toContain(
    'ExecStart=/usr/bin/node "/opt/prom ferry/main.js" agent --scrape "http://a/metrics?x=50%%25" --dir %S/promferry-agent\n',
  );
  for (const line of [
    "ExecReload=kill -HUP $MAINPID",
    "DynamicUser=yes",
    "TimeoutStopSec=15s",
    "ProtectHome=yes",
  ]) {
    expect(unit.split("\n")).toContain(line);
  }
});
