import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";
import { parseConfig } from "../config/parse-config.ts";
import type { Context } from "../context.ts";
import { createRedactor } from "../credentials/redactor.ts";
import { fetchPage } from "./fetch-page.ts";
import { prepareScrapeJobs } from "./prepare-jobs.ts";
import type { ScrapeClient } from "./scrape-job.ts";

const TLS = fileURLToPath(new URL("../../test/tls/", import.meta.url));

/** The jobs of a configuration that lies in a folder of its own. */
async function prepare(yaml: string, options: { env?: Record<string, string>; now?: () => number } = {}) {
  const home = temporaryFolder();
  const { config, problems } = parseConfig(yaml);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const context = {
    io: {
      env: { PATH: process.env["PATH"], ...options.env },
      ...{ cwd: home, home, interactive: false, now: options.now ?? Date.now },
      signal: new AbortController().signal,
    },
    redactor: createRedactor(),
    out: { isVerbose: false },
  } as unknown as Context;
  const settings = { ...config!, app: "a", dir: home, file: join(home, "c.yaml"), found: true, warnings: [] };
  return { home, jobs: () => prepareScrapeJobs(context, settings) };
}

/** A page for whoever brings this header. */
const guarded = (header: () => string) =>
  serve((request, response) =>
    response.writeHead(request.headers.authorization === header() ? 200 : 401).end("a 1\n"),
  );

const scrape = (url: string, client: ScrapeClient) =>
  fetchPage(url, { timeoutMs: 5000, client, formats: ["scrape"] }).then(
    () => "ok",
    (error: Error) => error.message,
  );

for (const { name, settings, header } of [
  {
    name: "a password from a command",
    settings: 'basic_auth: { username: "${USER_NAME}", password_cmd: [echo, pw] }',
    header: `Basic ${Buffer.from("u:pw").toString("base64")}`,
  },
  {
    name: "a token from a variable",
    settings: 'authorization: { credentials: "${TOKEN}" }',
    header: "Bearer t0ken",
  },
  {
    name: "a token from a file",
    settings: "authorization: { credentials_file: token }",
    header: "Bearer filed",
  },
  { name: "a token by its older name", settings: "bearer_token_file: ~/token", header: "Bearer filed" },
]) {
  test(`a job has ${name}`, async () => {
    const url = await guarded(() => header);
    const yaml = `scrape_configs: [{ job_name: a, static_configs: [{ targets: [localhost] }], ${settings} }]`;
    const { home, jobs } = await prepare(yaml, { env: { USER_NAME: "u", TOKEN: "t0ken" } });
    writeFileSync(join(home, "token"), "filed\n");
    const { client } = (await jobs())[0]!;
    expect(await scrape(url, client)).toBe("ok");
  });
}

test("a token that the server refuses is read anew, once a minute at the most", async () => {
  let nowMs = 0;
  let valid = "first";
  const url = await guarded(() => `Bearer ${valid}`);
  const yaml = `scrape_configs: [{ job_name: a, bearer_token_file: token }]`;
  const { home, jobs } = await prepare(yaml, { now: () => nowMs });
  const token = (text: string) => writeFileSync(join(home, "token"), text);
  const { client } = (await jobs())[0]!;
  expect(await scrape(url, client)).toContain("token can't be read (ENOENT)");
  token("first");
  expect(await scrape(url, client)).toBe("ok");
  valid = "second";
  token("second");
  expect(await scrape(url, client)).toBe("the server answered with 401");
  expect(await scrape(url, client)).toBe("the server answered with 401");
  nowMs = 60_000;
  expect(await scrape(url, client)).toBe("the server answered with 401");
  expect(await scrape(url, client)).toBe("ok");
});

test("a job trusts the authority that it names, and its list has one of its own", async () => {
  const files = { cert: readFileSync(join(TLS, "cert.pem")), key: readFileSync(join(TLS, "key.pem")) };
  const server = createTlsServer(files, (_, response) => response.end("a 1\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  const { jobs } = await prepare(`scrape_configs:
  - job_name: a
    tls_config: { ca_file: "${join(TLS, "cert.pem")}" }
    file_sd_configs: [{ files: [more/*.json] }]
    http_sd_configs: [{ url: "${url}" }]
`);
  const [job] = await jobs();
  expect(await scrape(url, job!.client)).toBe("ok");
  expect(await scrape(url, job!.httpSd[0]!.client)).toContain("certificate");
  expect(job!.config.file_sd_configs[0]!.files[0]).toMatch(/^\/.*\/more\/\*\.json$/);
});

for (const { name, settings, says } of [
  { name: "a variable that is not set", settings: 'bearer_token_file: "${ABSENT}"', says: "${ABSENT}" },
  {
    name: "an authority that is not there",
    settings: "tls_config: { ca_file: none.pem }",
    says: "none.pem can't be read",
  },
]) {
  test(`${name} is told with its job`, async () => {
    const { jobs } = await prepare(`scrape_configs: [{ job_name: a, ${settings} }]`);
    const failure = jobs().then(async ([job]) => job!.client.authorization?.());
    await expect(failure).rejects.toThrow(says);
    await expect(failure).rejects.toThrow("scrape job a");
  });
}
