import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { closedAddress, serve, serveReceiver } from "../../test/serve.ts";
import type { Check } from "../doctor/check.ts";

interface Answer {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

async function examine(yaml: string, env: Record<string, string> = {}) {
  const { home } = homeWith(`metrics: { dir: journal, ${yaml} }\n`);
  const dir = join(home, "journal");
  const look = async () => {
    const { exitCode, json } = await runCli(["doctor", "--config", "config.yaml", "--json"], { home, env });
    const { checks } = json() as Answer;
    return {
      exitCode,
      find: (subject: string, name: string) =>
        checks.find((check) => check.subject === subject && check.name === name),
    };
  };
  return { dir, look };
}

const one = (entry: string) => `destinations: [{ name: d, ${entry} }]`;

test("a receiver is asked without data, and what it holds stays empty", async () => {
  const { url, dir: received } = await serveReceiver();
  const { look } = await examine(one(`type: prometheus, url: "${url}/api/v1/write"`));
  const { exitCode, find } = await look();
  expect(exitCode).toBe(0);
  expect(find("d", "answer")).toMatchObject({
    state: "ok",
    detail: expect.stringContaining("an empty request is taken"),
  });
  expect(find("d", "clock")?.state).toBe("ok");
  expect(find("d", "protocol")?.detail).toBe("1.0 is used; the server speaks 2.0 too (protocol: auto)");
  expect(readdirSync(received).filter((name) => name.endsWith(".prom"))).toEqual([]);
});

for (const { name, status, exitCode, check, words } of [
  { name: "401", status: 401, exitCode: 77, check: "credentials", words: "check auth" },
  { name: "404", status: 404, exitCode: 78, check: "answer", words: "check the url" },
  { name: "503", status: 503, exitCode: 69, check: "answer", words: "try again later" },
]) {
  test(`an answer ${name} is exit ${exitCode} and says what to change`, async () => {
    const url = await serve((_, response) => response.writeHead(status).end());
    const { look } = await examine(one(`type: prometheus, url: "${url}/w"`));
    const looked = await look();
    expect(looked.exitCode).toBe(exitCode);
    expect(looked.find("d", check)).toMatchObject({
      state: "failed",
      advice: expect.stringContaining(words),
    });
  });
}

test("a closed port, an unknown host, an unset variable and a failing secret are told for each destination", async () => {
  const { look } = await examine(`destinations: [
    { name: closed, type: http, url: "${await closedAddress()}/" },
    { name: nowhere, type: http, url: "http://nosuch.invalid/" },
    { name: unset, type: http, url: "https://x.example/", auth: { token: "\${NOT_THERE}" } },
    { name: secret, type: http, url: "${await closedAddress()}/", auth: { token_cmd: [sh, -c, "echo no key >&2; exit 3"] } }]`);
  const { exitCode, find } = await look();
  expect(exitCode).toBe(78);
  expect(find("closed", "answer")?.detail).toContain("ECONNREFUSED");
  expect(find("nowhere", "name")?.detail).toBe("nosuch.invalid has no address (ENOTFOUND)");
  expect(find("unset", "variables")?.detail).toContain("${NOT_THERE} in auth.token");
  expect(find("secret", "credentials")?.detail).toContain("no key");
});

test("an address that a variable spoils is told as any other fault of the configuration", async () => {
  const { look } = await examine(one('type: http, url: "${WHERE}"'), { WHERE: "nowhere" });
  const { exitCode, find } = await look();
  expect(exitCode).toBe(78);
  expect(find("d", "url")?.detail).toBe("url is no absolute URL, such as https://metrics.example.com/push");
});

test("a server whose configuration is no YAML says nothing of its window", async () => {
  const url = await serve((request, response) =>
    request.url === "/api/v1/status/config"
      ? response.end(JSON.stringify({ data: { yaml: "a: [\nb: *c" } }))
      : response.writeHead(204).end(),
  );
  const { look } = await examine(one(`type: prometheus, url: "${url}/api/v1/write"`));
  expect((await look()).find("d", "age of samples")).toMatchObject({ state: "unknown" });
});

test("a server that takes 2.0 without understanding it fails where 2.0 is configured", async () => {
  const url = await serve((_, response) => response.writeHead(204).end());
  const { look } = await examine(one(`type: prometheus, url: "${url}/w", protocol: 2`));
  const { exitCode, find } = await look();
  expect(exitCode).toBe(78);
  expect(find("d", "protocol")).toMatchObject({ state: "failed", advice: "set protocol: 1, or auto" });
});

test("a clock that differs from the server's by more than 30 s is a warning", async () => {
  const url = await serve((_, response) =>
    response.setHeader("Date", new Date(Date.now() - 120_000).toUTCString()).end(),
  );
  const { look } = await examine(one(`type: http, url: "${url}/"`));
  expect((await look()).find("d", "clock")?.detail).toMatch(
    /^this machine's clock is 1(19|20|21) s ahead of the server's$/,
  );
});

test("samples older than the server's window are a warning, with the setting of either side", async () => {
  const url = await serve((request, response) =>
    request.url === "/api/v1/status/config"
      ? response.end(
          JSON.stringify({ data: { yaml: "storage: { tsdb: { outofordertimewindow: 7200000 } }" } }),
        )
      : response.writeHead(204).end(),
  );
  const { look, dir } = await examine(one(`type: prometheus, url: "${url}/api/v1/write"`));
  expect((await look()).find("d", "age of samples")).toMatchObject({ state: "ok" });
  await writeAppSession(dir);
  const { exitCode, find } = await look();
  expect(exitCode).toBe(0);
  expect(find("d", "age of samples")).toMatchObject({
    state: "warning",
    detail: expect.stringContaining("out_of_order_time_window is 2h"),
    advice: expect.stringMatching(/on the server: .*; here: /),
  });
});

test("an open folder, damage, held frames and a broken ledger are told, and nothing is left behind", async () => {
  const { dir, look } = await examine("");
  mkdirSync(dir, { mode: 0o755 });
  chmodSync(dir, 0o755);
  await writeAppSession(dir, { atMs: Date.UTC(2019, 0, 1, 12) });
  writeFileSync(join(dir, ".uploaded"), "{");
  const before = readdirSync(dir).sort();
  const { exitCode, find } = await look();
  expect(exitCode).toBe(74);
  expect(find("journal", "permissions")).toMatchObject({ state: "warning", advice: `chmod 700 ${dir}` });
  expect(find("journal", "times")?.detail).toContain("3 frames with times that can't be");
  expect(find("journal", "ledger")?.state).toBe("failed");
  expect(readdirSync(dir).sort()).toEqual(before);
});

for (const { name, settings, text, state } of [
  { name: "that is not there yet is ok", settings: "", text: undefined, state: "ok" },
  { name: "that is damaged fails", settings: "", text: "{", state: "failed" },
  {
    name: "that only the draw of weeks needs fails",
    settings: "identity: none, sample_rate: 0.5",
    text: "{",
    state: "failed",
  },
  { name: "that nothing needs is not looked at", settings: "identity: none", text: "{", state: undefined },
]) {
  test(`a key of the identity ${name}`, async () => {
    const { dir, look } = await examine(settings);
    mkdirSync(dir, { mode: 0o700 });
    if (text !== undefined) writeFileSync(join(dir, "identity.json"), text);
    const { exitCode, find } = await look();
    expect(exitCode).toBe(state === "failed" ? 74 : 0);
    expect(find("journal", "identity")?.state).toBe(state);
  });
}

test("a wrong configuration is the only finding, and --url without --chain is exit 2", async () => {
  const { home } = homeWith("metrics: { nosuch: 1 }\n");
  const { exitCode, json } = await runCli(["doctor", "--config", "config.yaml", "--json"], { home });
  expect(exitCode).toBe(78);
  expect((json() as Answer).checks).toHaveLength(1);
  expect((await runCli(["doctor", "--url", "http://a/"])).exitCode).toBe(2);
  expect((await runCli(["doctor", "--chain", "--url", "http://a/"])).stderr).toContain(
    "--prometheus needs an address",
  );
});

/** A Prometheus that has one target, or none, in the state given. */
async function chain(page: string, target: object | undefined, results: Record<string, string> = {}) {
  const pageUrl = await serve((_, response) => response.end(page));
  const prometheusUrl = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
    const query = searchParams.get("query") ?? "";
    const value = Object.entries(results).find(([start]) => query.startsWith(start))?.[1];
    const data =
      pathname === "/api/v1/targets"
        ? {
            activeTargets: target
              ? [
                  {
                    scrapeUrl: `${pageUrl}/metrics`,
                    globalUrl: "http://x/",
                    labels: { job: "j", instance: "i" },
                    lastScrapeDuration: 0.1,
                    ...target,
                  },
                ]
              : [],
          }
        : pathname === "/api/v1/query"
          ? { result: value === undefined ? [] : [{ value: [1, value] }] }
          : { headStats: { numSeries: 5 }, seriesCountByMetricName: [] };
    response.end(JSON.stringify({ data }));
  });
  const argv = ["doctor", "--chain", "--url", `${pageUrl}/metrics`, "--prometheus", prometheusUrl, "--json"];
  const { exitCode, json } = await runCli(argv);
  const last = (json() as Answer).checks.at(-1);
  return { exitCode, last };
}

const PAGE = "a_total 1\n";

for (const { name, page = PAGE, target, results, exitCode, subject, detail } of [
  {
    name: "a page that is none",
    page: "<html>",
    target: undefined,
    exitCode: 69,
    subject: "endpoint",
    detail: /expected/,
  },
  {
    name: "a page without samples",
    page: "# nothing\n",
    target: undefined,
    exitCode: 69,
    subject: "endpoint",
    detail: /no sample/,
  },
  {
    name: "a page that is no target",
    target: undefined,
    exitCode: 78,
    subject: "scrape",
    detail: /no target/,
  },
  {
    name: "a target that is down",
    target: { health: "down", lastError: "connection refused" },
    exitCode: 69,
    subject: "scrape",
    detail: /connection refused/,
  },
  {
    name: "`up` that is not there",
    target: { health: "up" },
    exitCode: 1,
    subject: "query",
    detail: /no sample/,
  },
  {
    name: "a metric that is dropped",
    target: { health: "up" },
    results: { up: "1" },
    exitCode: 1,
    subject: "query",
    detail: /finds nothing/,
  },
  {
    name: "the end of a whole one",
    target: { health: "up" },
    results: { up: "1", count: "1" },
    exitCode: 0,
    subject: "cardinality",
    detail: /5 series/,
  },
]) {
  test(`the chain ends at ${name}`, async () => {
    const walked = await chain(page, target, results);
    expect(walked.exitCode).toBe(exitCode);
    expect(walked.last?.subject).toBe(subject);
    expect(walked.last?.detail).toMatch(detail);
  });
}
