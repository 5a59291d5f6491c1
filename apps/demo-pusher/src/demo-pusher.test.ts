import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { type Answer, startReceiver } from "@promferry/core/testing";
import { checkMetrics } from "@promferry/core/text-format";
import { expect, type TestContext, test } from "vitest";
import { pageAfterOneMinute } from "./page.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const GROUP = "/metrics/job/example_metrics_pusher/instance/example-app";

/** Runs the program; `DEMO_PUSHER_…` of the surroundings don't reach it. */
function start({ onTestFinished }: TestContext, argv: readonly string[]) {
  const child = spawn(process.execPath, ["--conditions=@promferry/source", MAIN, ...argv], {
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, ended };
}

async function open(context: TestContext, answer?: Answer) {
  const receiver = await startReceiver(answer);
  context.onTestFinished(receiver.close);
  const seen = () => receiver.requests.map(({ method, path }) => `${method} ${path}`);
  return { url: receiver.url, requests: receiver.requests, seen };
}

test("example-metrics.txt is what the program prints; run `pnpm --filter demo-pusher run example`", async (context) => {
  const example = await readFile(new URL("../example-metrics.txt", import.meta.url), "utf8");
  expect(pageAfterOneMinute(1)).toBe(example);
  expect(checkMetrics(example, { format: "prometheus" })).toMatchObject({ errors: [], warnings: [] });
  expect(await start(context, ["--print"]).ended).toMatchObject({ code: 0, stdout: example, stderr: "" });
});

test("the wiring stays under 100 lines", async () => {
  expect((await readFile(MAIN, "utf8")).split("\n").length).toBeLessThan(100);
});

test("--once puts one typed page without timestamps into the group and ends", async (context) => {
  const { url, requests, seen } = await open(context);

  const { code, stdout, stderr } = await start(context, ["--url", url, "--once", "--interval", "60s"]).ended;

  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toContain("round 1: pushed");
  expect(seen()).toEqual([`PUT ${GROUP}`]);
  expect(requests[0]?.body.toString()).toBe(pageAfterOneMinute(1));
});

test("--trace says what happened, and changes nothing", async (context) => {
  const { url, requests } = await open(context);

  const { stdout } = await start(context, ["--url", url, "--once", "--interval", "60s", "--trace"]).ended;

  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as [string, ...unknown[]]);
  const count = (kind: string) => events.filter(([event]) => event === kind).length;
  expect(requests[0]?.body.toString()).toBe(pageAfterOneMinute(1));
  expect(pageAfterOneMinute(1)).toContain(`app_requests_total ${count("request")}\n`);
  expect(count("connections")).toBe(60);
  expect(count("temperature")).toBe(60);
  expect(events.at(-1)?.[0]).toBe("temperature");
});

for (const { name, signal, argv, last } of [
  { name: "pushes its newest values", signal: "SIGINT", argv: [], last: `PUT ${GROUP}` },
  {
    name: "deletes its group, if asked",
    signal: "SIGTERM",
    argv: ["--delete-on-exit"],
    last: `DELETE ${GROUP}`,
  },
] as const) {
  test(`on ${signal} it ${name}, and ends`, async (context) => {
    const { url, seen } = await open(context, (_, response) => {
      response.writeHead(202).end();
      if (seen().length === 1) child.kill(signal);
    });
    const { child, ended } = start(context, ["--url", url, "--interval", "1h", ...argv]);

    expect(await ended).toMatchObject({ code: 0, signal: null });
    expect(seen()).toEqual([`PUT ${GROUP}`, last]);
  });
}

test("it goes on when the gateway is away for a while", async (context) => {
  const { url, seen } = await open(context, (_, response) => {
    if (seen().length <= 3) return void response.writeHead(503).end("starting up");
    response.end();
    // A second signal would end it at once.
    if (seen().length === 4) child.kill("SIGTERM");
  });
  const { child, ended } = start(context, ["--url", url, "--interval", "100ms"]);

  const { code, stderr } = await ended;

  expect(code).toBe(0);
  expect(stderr).toContain("answered with 503: starting up");
});

for (const { name, status, code, said } of [
  { name: "no credential", status: 401, code: 77, said: "check auth" },
  { name: "a wrong URL", status: 404, code: 78, said: "check url" },
  { name: "a redirect", status: 301, code: 78, said: "redirects are not followed" },
  { name: "a refused page", status: 400, code: 65, said: "answered with 400" },
]) {
  test(`it ends with ${code} for ${name}`, async (context) => {
    const { url } = await open(context, (_, response) => response.writeHead(status).end());
    const { code: ended, stderr } = await start(context, ["--url", url, "--interval", "1h"]).ended;
    expect(ended).toBe(code);
    expect(stderr).toContain(said);
  });
}

test("--once ends with 69 when nothing listens", async (context) => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));

  const { code, stderr } = await start(context, [
    "--url",
    `http://127.0.0.1:${port}`,
    "--once",
    "--interval",
    "1s",
  ]).ended;

  expect(code).toBe(69);
  expect(stderr).toContain("that the receiver is running");
});

for (const argv of [["--interval", "soon"], ["--no-such-flag"], ["--url", "nowhere"]]) {
  test(`it ends with 2 for ${argv.join(" ")}`, async (context) => {
    const { code, stderr } = await start(context, argv).ended;
    expect(code).toBe(2);
    expect(stderr).not.toContain("    at ");
    expect(stderr.length).toBeGreaterThan(10);
  });
}

test("--help ends with 0", async (context) => {
  expect(await start(context, ["--help"]).ended).toMatchObject({ code: 0 });
});
