import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { dayFiles, readSamples, writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serve, serveReceiver } from "../../test/serve.ts";
import { StopSignal } from "../io.ts";

/** A home with a journal and one destination named d; more settings of both as YAML flow entries. */
async function homeFor(destination: string, metrics = "") {
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, ${metrics} destinations: [{ name: d, ${destination} }] }\n`,
  );
  const dir = join(home, "journal");
  await writeAppSession(dir);
  const cli = (argv: readonly string[], env: Record<string, string> = {}) =>
    runCli([...argv, "--config", "config.yaml"], { home, env });
  return { home, dir, cli };
}

test("upload-metrics sends what the destination does not have, and nothing twice", async () => {
  const { url, dir: received } = await serveReceiver();
  const { cli, dir } = await homeFor(`type: prometheus, url: "${url}/api/v1/write"`);
  const { exitCode, stdout, stderr } = await cli(["upload-metrics"]);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^d {2}3 samples accepted in 1 request\n {2}\d{4}-\d\d-\d\d\.prom {2}success, 3 samples\n/,
  );
  const samples = await readSamples(received);
  const series = /^k1_views_total\{arch=x64,os=linux,screen=pods,user=[0-9a-f]{32},version=1\.2\.3\}/;
  expect(samples.every((line) => series.test(line))).toBe(true);
  expect(samples.map((line) => line.split("} ")[1]?.split(" ")[0])).toEqual(["0", "5", "9"]);
  expect((await cli(["upload-metrics"])).stdout).toContain("d  nothing to send");
  expect(await readSamples(received)).toEqual(samples);
  expect(existsSync(join(dir, ".uploaded"))).toBe(true);
});

test("a dry run opens no socket, runs no command and writes nothing, and says what would go", async () => {
  const { cli, home, dir } = await homeFor(
    'type: prometheus, url: "https://p.example/write", auth: { token_cmd: "touch ran" }, headers: { X-A: "${UNSET}" }',
  );
  const connect = vi.spyOn(Socket.prototype, "connect").mockImplementation(() => {
    throw new Error("a socket was opened");
  });
  onTestFinished(() => connect.mockRestore());
  const before = dayFiles(dir);
  const { exitCode, stdout } = await cli(["upload-metrics", "--dry-run"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^d {2}3 samples would be sent in 1 request, \d+ bytes\n/);
  const preview = await cli(["preview"]);
  expect(preview.stdout).toContain('k1_views_total{arch="x64",os="linux",screen="pods",user="');
  expect(preview.stdout).toMatch(/ 9 \d{4}-.*Z {2}\(3 samples\)/);
  expect(connect).not.toHaveBeenCalled();
  expect(existsSync(join(home, "ran"))).toBe(false);
  expect(dayFiles(dir)).toEqual(before);
  for (const name of [".uploaded", "identity.json"]) expect(existsSync(join(dir, name))).toBe(false);
});

test("labels come from session, identity, configuration and rules, in that order", async () => {
  const { url, dir: received } = await serveReceiver();
  const { cli } = await homeFor(
    `type: prometheus, url: "\${BASE}/api/v1/write",
     external_labels: { team: "\${TEAM}", build: "\${K1_VERSION}-\${PROMFERRY_OS}", screen: ignored, who: "\${USER_HASH}" },
     write_relabel_configs: [{ regex: "user|arch|os", action: labeldrop }, { source_labels: [screen], target_label: view }]`,
    "identity: hostname-sha256, session_labels: [arch], exclude_cluster_info: false,",
  );
  const { exitCode, stdout } = await cli(["upload-metrics"], { BASE: url, TEAM: "platform" });
  expect(exitCode).toBe(0);
  expect(stdout).toContain("note: hostname-sha256 can be guessed");
  expect((await readSamples(received))[1]).toMatch(
    /^k1_views_total\{build=1\.2\.3-linux,cluster_name=prod,screen=pods,team=platform,view=pods,who=[0-9a-f]{64}\} 5 /,
  );
});

test("a Pushgateway gets the latest state under the configured group", async () => {
  const asked: string[] = [];
  const url = await serve((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      asked.push(`${request.method} ${request.url} ${request.headers["x-source"]}\n${body}`);
      response.end();
    });
  });
  const { cli } = await homeFor(
    `type: pushgateway, url: "${url}", headers: { X-Source: k1 }, grouping_keys: { user: "\${USER_HASH}", version: "\${K1_VERSION}", team: platform }`,
  );
  const { exitCode, stdout } = await cli(["upload-metrics", "--to", "d"]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("keeps the latest values only");
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatch(
    /^PUT \/metrics\/job\/k1\/team\/platform\/user\/[0-9a-f]{32}\/version\/1\.2\.3 k1\n# HELP k1_views_total .*\n# TYPE k1_views_total counter\nk1_views_total\{[^}]*screen="pods"[^}]*\} 9\n$/,
  );
});

test("credentials and custom headers arrive, and are never shown", async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.headers.authorization, request.headers["x-key"] as string);
    response.writeHead(400).end(`no: ${request.headers.authorization} s3cret-pw s3cret-key`);
  });
  const { cli, dir } = await homeFor(
    `type: http, url: "${url}", auth: { username: u, password_cmd: "echo s3cret-pw" }, headers: { X-Key: "\${KEY}" }`,
  );
  const { exitCode, stdout, stderr } = await cli(["upload-metrics", "--json"], { KEY: "s3cret-key" });
  expect(exitCode).toBe(3);
  expect(asked).toContain(`Basic ${Buffer.from("u:s3cret-pw").toString("base64")}`);
  expect(asked).toContain("s3cret-key");
  expect(stdout + stderr).not.toContain("s3cret");
  expect(stdout + stderr).not.toContain(Buffer.from("u:s3cret-pw").toString("base64"));
  const written = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  expect(written.join()).toContain("no: ");
  expect(written.join()).not.toMatch(/s3cret|dTpzM2NyZXQ/);
});

test("without an identity, series that nothing tells apart are not sent", async () => {
  const { url, dir: received } = await serveReceiver();
  const destination = `type: prometheus, url: "${url}/api/v1/write"`;
  const { cli } = await homeFor(destination, "anonymize_user: false,");
  const refused = await cli(["upload-metrics"]);
  expect(refused.exitCode).toBe(78);
  expect(refused.stderr).toContain("nothing tells this installation's series at d from those of others");
  expect(refused.stderr).toContain("exclusive: true");
  const exclusive = await homeFor(destination, "anonymize_user: false, exclusive: true,");
  expect((await exclusive.cli(["upload-metrics"])).exitCode).toBe(0);
  expect((await readSamples(received))[0]).toMatch(
    /^k1_views_total\{arch=x64,os=linux,screen=pods,version=1\.2\.3\}/,
  );
});

for (const { name, metrics = "", env = {}, consent = "config", sent } of [
  { name: "what the configuration allowed goes", sent: 3 },
  {
    name: "what a flag collected goes, although collection is off",
    metrics: "enabled: false,",
    consent: "flag",
    sent: 3,
  },
  { name: "enabled: false keeps what the configuration had allowed", metrics: "enabled: false,", sent: 0 },
  { name: "DO_NOT_TRACK keeps everything", env: { DO_NOT_TRACK: "1" }, consent: "flag", sent: 0 },
  { name: "K1_TELEMETRY=off keeps everything", env: { K1_TELEMETRY: "off" }, sent: 0 },
] as {
  name: string;
  metrics?: string;
  env?: Record<string, string>;
  consent?: "config" | "flag";
  sent: number;
}[]) {
  test(`consent: ${name}`, async () => {
    const { url, dir: received } = await serveReceiver();
    const { home } = homeWith(
      `app: k1\nmetrics: { dir: journal, ${metrics} destinations: [{ name: d, type: prometheus, url: "${url}/api/v1/write" }] }\n`,
    );
    await writeAppSession(join(home, "journal"), { consent });
    const { stdout } = await runCli(["upload-metrics", "--config", "config.yaml"], { home, env });
    expect(await readSamples(received)).toHaveLength(sent);
    if (sent === 0) expect(stdout).toContain("stayed here: 3 frames, because ");
  });
}

test("a session whose catalogue is gone keeps its samples here", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, destinations: [{ name: d, type: prometheus, url: "${url}/api/v1/write" }] }\n`,
  );
  await writeAppSession(join(home, "journal"), { info: { catalog: "0123abcd" } });
  const { stdout } = await runCli(["upload-metrics", "--config", "config.yaml"], { home });
  expect(stdout).toContain("catalogue 0123abcd is missing");
  expect(await readSamples(received)).toEqual([]);
});

test("--cleanup deletes days that every destination has, and keeps those that one lacks", async () => {
  const { url } = await serveReceiver();
  const { home } = homeWith(`app: k1
metrics:
  dir: journal
  destinations:
    - { name: a, type: prometheus, url: "${url}/api/v1/write" }
    - { name: b, type: http, url: "${url}/ingest" }
`);
  const dir = join(home, "journal");
  const now = Date.now() + 5 * 86_400_000;
  await writeAppSession(dir);
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home, now: () => now });
  const first = await cli("upload-metrics", "--to", "a", "--cleanup");
  expect(first.stdout).toMatch(/kept \d{4}-\d\d-\d\d: /);
  expect(Object.keys(dayFiles(dir))).toHaveLength(1);
  const second = await cli("upload-metrics", "--cleanup");
  expect(second.stdout).toMatch(/deleted \d{4}-\d\d-\d\d/);
  expect(dayFiles(dir)).toEqual({});
});

for (const { argv, exitCode, says } of [
  {
    argv: ["--to", "2025-10-06", "--to-date", "2025-10-07"],
    exitCode: 2,
    says: "the last day is given more than once",
  },
  { argv: ["--from", "2025-13-01"], exitCode: 2, says: "--from: expected a date" },
  { argv: ["--to-date", "2025-02-30"], exitCode: 2, says: "--to-date: expected a date" },
  { argv: ["--from", "2025-10-07", "--to", "2025-10-06"], exitCode: 2, says: "later than the last day" },
  { argv: ["--to", "zzz"], exitCode: 2, says: "there is no destination named zzz\n  configured are: d" },
  { argv: ["--to", "2001-01-01"], exitCode: 0, says: "" },
]) {
  test(`upload-metrics ${argv.join(" ")} is exit ${exitCode}`, async () => {
    const { cli } = await homeFor('type: prometheus, url: "http://127.0.0.1:1/"');
    const result = await cli(["upload-metrics", ...argv]);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(says);
  });
}

for (const { setting, says } of [
  { setting: 'tls: { ca_file: "nowhere.pem" }', says: "tls.ca_file of destination d: " },
]) {
  test(`a destination with ${setting} says what it lacks, with exit 78`, async () => {
    const { cli } = await homeFor(`type: prometheus, url: "https://p.example", ${setting}`);
    const { exitCode, stderr } = await cli(["upload-metrics"]);
    expect(exitCode).toBe(78);
    expect(stderr).toContain(says);
  });
}

test("Ctrl-C ends an upload after the request under way, and the next one doesn't send that again", async () => {
  const stopping = new AbortController();
  const bodies: string[] = [];
  const url = await serve(async (request, response) => {
    bodies.push(await text(request));
    stopping.abort(new StopSignal("SIGINT"));
    setImmediate(() => response.end());
  });
  const { home, cli } = await homeFor(`type: http, format: json, url: "${url}"`);
  const argv = ["upload-metrics", "--config", "config.yaml"];

  const { exitCode, stdout } = await runCli(argv, { home, signal: stopping.signal });

  expect(exitCode).toBe(130);
  expect(stdout).toMatch(/^d {2}3 samples accepted in 1 request\n/);
  expect((await cli(["upload-metrics"])).stdout).toContain("d  nothing to send");
  expect(bodies.length).toBe(1);
});

test("a day deleted for a Pushgateway alone is told as history that is gone", async () => {
  const url = await serve((request, response) => void request.resume().on("end", () => response.end()));
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, destinations: [{ name: g, type: pushgateway, url: "${url}" }] }\n`,
  );
  await writeAppSession(join(home, "journal"));
  const { stdout } = await runCli(["upload-metrics", "--cleanup", "--config", "config.yaml"], {
    home,
    now: () => Date.now() + 5 * 86_400_000,
  });
  expect(stdout).toMatch(/deleted 2025-10-0\d .*\n {2}their history is gone/);
});

for (const { setting, says } of [
  { setting: "retention_overrides_upload: true, retention_days: 3", says: "older than retention_days" },
  { setting: "max_bytes: 100B", says: "to stay within max_bytes" },
]) {
  test(`${setting} deletes a day that was not sent, and says and counts what was lost`, async () => {
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(401).end();
    });
    const { home } = homeWith(
      `app: k1\nmetrics: { dir: journal, ${setting}, destinations: [{ name: d, type: prometheus, url: "${url}" }] }\n`,
    );
    const dir = join(home, "journal");
    await writeAppSession(dir);
    const now = () => Date.now() + 6 * 86_400_000;
    const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home, now });
    const { exitCode, stdout, stderr } = await cli("upload-metrics");
    expect(exitCode).toBe(77);
    expect(stdout).toMatch(new RegExp(`^deleted [-\\d]{10} \\([-\\d]{10}\\.prom\\), ${says}$`, "m"));
    expect(stderr).toMatch(/^promferry: deleted [-\d]{10} although d did not have 3 frames of it$/m);
    expect(stderr).not.toContain("this version");
    expect(dayFiles(dir)).toEqual({});
    expect((await cli("status")).stdout).toContain("3 frames deleted unsent");
  });
}

test("a label that is dropped by now does not leave with what was kept of deleted days", async () => {
  const bodies: string[] = [];
  const url = await serve((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      bodies.push(body);
      response.end();
    });
  });
  const { home } = homeWith("");
  const dir = join(home, "journal");
  const uploadWith = (settings: string) => {
    const config = `app: k1\nmetrics: { dir: journal, destinations: [{ name: g, type: pushgateway, url: "${url}", ${settings} }] }\n`;
    writeFileSync(join(home, "config.yaml"), config);
    const now = () => Date.now() + 5 * 86_400_000;
    return runCli(["upload-metrics", "--cleanup", "--config", "config.yaml"], { home, now });
  };
  await writeAppSession(dir);
  expect((await uploadWith("")).stdout).toContain("deleted 2025-10-06");
  await writeAppSession(dir, { atMs: Date.UTC(2025, 9, 7, 12) });
  const changed = await uploadWith("write_relabel_configs: [{ regex: screen, action: labeldrop }]");
  expect(changed.stdout).toContain("labels of the series for g were changed since days were deleted");
  expect(bodies.map((body) => body.includes('screen="pods"'))).toEqual([true, false]);
});

test("a credential that cannot be had says what to do about it", async () => {
  const auth = 'auth: { token_file: "nowhere" }';
  const { cli } = await homeFor(`type: prometheus, url: "http://127.0.0.1:1/", ${auth}`);
  const { exitCode, stderr } = await cli(["upload-metrics"]);
  expect(exitCode).toBe(77);
  expect(stderr).toContain("that you may read it, and that it holds the secret alone");
});

test("--verbose tells each request without query, header and body; --quiet only the result", async () => {
  const { url } = await serveReceiver();
  const { cli } = await homeFor(
    `type: prometheus, url: "${url}/api/v1/write?key=s3cret", auth: { token: "t0ken" }, headers: { X-A: "h3ader" }`,
  );
  const quiet = await cli(["upload-metrics", "--quiet"]);
  expect(quiet.stderr).toBe("");
  expect(quiet.stdout).toContain("3 samples accepted");
  const { stderr } = await cli(["upload-metrics", "--force", "--verbose"]);
  expect(stderr).toMatch(/^POST http:\/\/127\.0\.0\.1:\d+\/api\/v1\/write \(\d+ bytes\): 204 in \d+ ms$/m);
  expect(stderr).not.toMatch(/s3cret|t0ken|h3ader/);
});
