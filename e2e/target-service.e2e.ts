/** The target service as it is started, with real Prometheus servers, exporters and the real agent. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import {
  query,
  type RunningServer,
  requireProgram,
  requireServer,
  startNodeExporter,
  startProgram,
  startPrometheus,
  startSource,
} from "./harness/index.ts";
import { type Machine, machine } from "./targets/machine.ts";
import { type ActiveTarget, activeTargets } from "./targets/scraper.ts";
import { call, joinToken, place, SERVICE_MAIN, stateOf } from "./targets/service.ts";

const LIMIT_MS = 40_000;

function upIds(targets: readonly ActiveTarget[]): string {
  return targets
    .map(
      ({ labels, health, lastError }) => `${labels["instance_id"]} ${health}${lastError && `: ${lastError}`}`,
    )
    .sort()
    .join(", ");
}

/** Asks until the answer is `wanted`, and compares. */
async function becomes<T>(ask: () => Promise<T>, wanted: T): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  let answer = await ask();
  while (answer !== wanted && Date.now() < deadline) {
    await delay(200);
    answer = await ask();
  }
  expect(answer).toBe(wanted);
}

test("two machines join by the real agent, are discovered by http_sd and file_sd, outlive a restart, and leave", async (context) => {
  requireServer(context, "prometheus", "node-exporter");
  requireProgram(context, "curl", "dash", "bash", "sha256sum");
  const own = await place(context, ["targets: {dir: watched}", "accept_new_store: true"]);
  const [platform, reader] = [own.token("platform"), own.token("reader")];
  await writeFile(join(own.dir, "reader.token"), `${reader}\n`, { mode: 0o600 });
  let service = await own.start();

  // One Prometheus for each way, configured by what the service gives them.
  const prometheuses: RunningServer[] = [];
  for (const way of [`token_file=${own.dir}/reader.token&refresh=1`, `files=${own.dir}/watched`]) {
    const path = `/v1/config/scrape?endpoint=node&interval=1&${way}`;
    const { status, text } = await call(service.url, `GET ${path}`, { token: reader });
    expect(status, text).toBe(200);
    const file = join(own.dir, `scrape-${prometheuses.length}.yml`);
    await writeFile(file, text);
    const prometheus = await startPrometheus({ scrapeConfigFiles: [file] });
    context.onTestFinished(prometheus.stop);
    prometheuses.push(prometheus);
  }

  const machines = new Map<string, Machine>();
  for (const [i, shell] of ["dash", "bash"].entries()) {
    const address = `127.30.1.${i + 1}`;
    const id = `i-${shell}`;
    const instance = await machine(context, shell, {
      SERVICE_URL: service.url,
      INSTANCE_ID: id,
      ADDRESS: address,
    });
    machines.set(shell, instance);
    const flags = [
      `--web.listen-address=${address}:9100`,
      `--collector.textfile.directory=${instance.textfile}`,
    ];
    const exporter = await startNodeExporter({ flags });
    context.onTestFinished(exporter.stop);
    instance.giveToken(await joinToken(service, platform, "127.30.1.0/24", id));
    expect(await stateOf(service, platform, id)).toBe("expected");
    const joined = await instance.run("join");
    expect(joined.code, joined.stderr).toBe(0);
    expect(instance.has("state/join-token")).toBe(false);
    expect(await stateOf(service, platform, id)).toBe("active");
  }

  const both = "i-bash up, i-dash up";
  for (const prometheus of prometheuses) {
    await becomes(async () => upIds(await activeTargets(prometheus)), both);
    const [target] = await activeTargets(prometheus);
    expect(target!.labels).toMatchObject({
      job: "ferry-node",
      project_id: "p-1",
      service_id: "web",
      zone: "a",
    });
    // Who answers is who was registered there.
    await becomes(async () => (await query(prometheus.url, "promferry_instance_info")).length, 2);
    const identities = await query(prometheus.url, "promferry_instance_info");
    for (const { labels } of identities) expect(labels["exported_instance_id"]).toBe(labels["instance_id"]);
    expect(await query(prometheus.url, "node_memory_MemTotal_bytes")).toHaveLength(2);
  }

  // Away, and back with the same store: nothing was lost on the way.
  const list = () => call(service.url, "GET /v1/sd/prometheus?endpoint=node", { token: reader });
  const before = await list();
  service.program.kill("SIGTERM");
  expect((await service.program.done).code).toBe(0);
  await delay(3_000);
  for (const prometheus of prometheuses) expect(upIds(await activeTargets(prometheus))).toBe(both);
  service = await own.start();
  const after = await list();
  expect(after.text).toBe(before.text);
  expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
  for (const instance of machines.values()) {
    instance.due();
    const beat = await instance.run("heartbeat");
    expect(beat.code, beat.stderr).toBe(0);
  }
  for (const prometheus of prometheuses)
    await becomes(async () => upIds(await activeTargets(prometheus)), both);

  // A goodbye is served a little longer; what the platform removes is gone at once.
  const dash = machines.get("dash")!;
  dash.powerOff();
  const goodbye = await dash.run("stop");
  expect(goodbye.code, goodbye.stderr).toBe(0);
  expect(await stateOf(service, platform, "i-dash")).toBe("draining");
  for (const prometheus of prometheuses) expect(upIds(await activeTargets(prometheus))).toBe(both);
  expect((await call(service.url, "DELETE /v1/instances/i-dash", { token: platform })).status).toBe(204);
  for (const prometheus of prometheuses) {
    await becomes(async () => upIds(await activeTargets(prometheus)), "i-bash up");
  }
  // Final: its own key does not bring it back, and the agent understands.
  dash.due();
  expect((await dash.run("heartbeat")).code).toBe(3);
  expect(await stateOf(service, platform, "i-dash")).toBe("removed");

  service.program.kill("SIGINT");
  const ended = await service.program.done;
  expect(ended.code).toBe(0);
  for (const secret of [platform, reader]) expect(ended.stdout + ended.stderr).not.toContain(secret);
});

test("a store that is new or gone is never an empty list, and makes no agent forget its key", async (context) => {
  requireServer(context, "prometheus");
  requireProgram(context, "curl", "dash", "sha256sum");
  const own = await place(context, ["targets: {dir: watched}"]);
  const [platform, reader] = [own.token("platform"), own.token("reader")];
  await writeFile(join(own.dir, "reader.token"), reader);
  let service = await own.start();
  const list = () => call(service.url, "GET /v1/sd/prometheus", { token: reader });
  expect(await list()).toMatchObject({ status: 503, text: expect.stringContaining('"store_new"') });
  await own.run("init");
  const settings = { SERVICE_URL: service.url, INSTANCE_ID: "i-1", ADDRESS: "127.30.2.1" };
  const instance = await machine(context, "dash", settings);
  instance.giveToken(await joinToken(service, platform, "127.30.2.0/24"));
  expect((await instance.run("join")).code).toBe(0);
  const query = `endpoint=node&interval=1&refresh=1&token_file=${own.dir}/reader.token`;
  const scrape = await call(service.url, `GET /v1/config/scrape?${query}`, { token: reader });
  await writeFile(join(own.dir, "scrape.yml"), scrape.text);
  const prometheus = await startPrometheus({ scrapeConfigFiles: [join(own.dir, "scrape.yml")] });
  context.onTestFinished(prometheus.stop);
  const ids = async () => (await activeTargets(prometheus)).map(({ labels }) => labels["instance_id"]).join();
  await becomes(ids, "i-1");
  await becomes(async () => existsSync(join(own.dir, "watched/node.json")), true);
  const file = await readFile(join(own.dir, "watched/node.json"), "utf8");
  expect(file).toBe((await list()).text);

  // Somebody starts it over an empty folder.
  service.program.kill();
  await service.program.done;
  for (const name of readdirSync(join(own.dir, "data")).filter((name) => name.startsWith("targets.db"))) {
    await rename(join(own.dir, "data", name), join(own.dir, `kept-${name}`));
  }
  service = await own.start();
  instance.due();
  const beat = await instance.run("heartbeat");
  expect({ code: beat.code, stderr: beat.stderr }).toEqual({
    code: 4,
    stderr: expect.stringContaining("store_new"),
  });
  expect(instance.has("state/key") && instance.has("state/joined")).toBe(true);
  await delay(4_000);
  expect(await ids()).toBe("i-1");
  expect(await readFile(join(own.dir, "watched/node.json"), "utf8")).toBe(file);

  // And puts the right one back.
  service.program.kill();
  await service.program.done;
  for (const name of readdirSync(own.dir).filter((name) => name.startsWith("kept-"))) {
    await rename(join(own.dir, name), join(own.dir, "data", name.slice("kept-".length)));
  }
  service = await own.start();
  instance.due();
  const again = await instance.run("heartbeat");
  expect(again.code, again.stderr).toBe(0);
  expect((await list()).text).toBe(file);
});

test("Prometheus' own targets are compared before a new store is taken for the right one", async (context) => {
  requireServer(context, "prometheus");
  const listed = await mkdtemp(join(tmpdir(), "target-listed-"));
  context.onTestFinished(() => rm(listed, { recursive: true, force: true }));
  const group = {
    targets: ["127.30.3.1:9100"],
    labels: { __meta_ferry_instance: "i-old", __meta_ferry_project: "p-1", __meta_ferry_service: "web" },
  };
  await writeFile(join(listed, "node.json"), JSON.stringify([group]));
  const prometheus = await startPrometheus({
    scrapeConfigs: [{ job_name: "ferry-node", file_sd_configs: [{ files: [join(listed, "*.json")] }] }],
  });
  context.onTestFinished(prometheus.stop);
  await becomes(async () => (await activeTargets(prometheus)).length, 1);
  const own = await place(context, [`prometheus: {url: "${prometheus.url}"}`]);
  const service = await own.start();
  const confirm = (body: object) =>
    call(service.url, "POST /v1/sd/confirm", { token: own.token("platform"), body });
  const refused = await confirm({});
  expect({ status: refused.status, text: refused.text }).toEqual({
    status: 409,
    text: expect.stringContaining("i-old at 127.30.3.1:9100"),
  });
  const list = () => call(service.url, "GET /v1/sd/prometheus", { token: own.token("reader") });
  expect((await list()).status).toBe(503);
  const forced = await confirm({ force: true });
  expect(JSON.parse(forced.text)).toEqual({ compared: true, missing: 1 });
  await becomes(async () => (await list()).text, "[]\n");
});

test("over TLS with a CA of one's own: agents need no certificate, tokens do, and rotate without a restart", async (context) => {
  requireProgram(context, "curl", "dash", "sha256sum", "openssl");
  const own = await place(context, [
    "accept_new_store: true",
    "agent_ca_file: ca.pem",
    "tls: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}",
  ]);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: own.dir, stdio: "pipe" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2");
  writeFileSync(join(own.dir, "server.ext"), "subjectAltName=IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const extra = name === "server" ? ["-extfile", "server.ext"] : [];
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-out",
      `${name}.pem`,
      ...extra,
    );
  }
  const service = await own.start();
  const read = (path: string) => readFileSync(join(own.dir, path));
  const send = async (line: string, token: string, certificate: boolean, body?: unknown) => {
    const [method, path] = line.split(" ") as [string, string];
    const client = certificate ? { cert: read("client.pem"), key: read("client.key") } : {};
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = httpsRequest(`${service.url}${path}`, {
      method,
      ca: read("ca.pem"),
      headers,
      agent: false,
      ...client,
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
    const [answer] = (await once(request, "response")) as [import("node:http").IncomingMessage];
    return { status: answer.statusCode, text: (await answer.toArray()).join("") };
  };
  const line = "GET /v1/sd/prometheus";
  expect((await send(line, own.token("reader"), false)).text).toContain("client_certificate_required");
  expect((await send(line, own.token("reader"), true)).status).toBe(200);

  const body = { project: "p-1", service: "web", ranges: ["127.30.4.0/24"], endpoints: ["node"] };
  const minted = await send("POST /v1/join-tokens", own.token("platform"), true, body);
  const { token } = JSON.parse(minted.text) as { token: string };
  expect(token.split(".")[2]).toBe(createHash("sha256").update(read("ca.pem")).digest("hex"));
  const settings = {
    SERVICE_URL: service.url,
    INSTANCE_ID: "i-tls",
    ADDRESS: "127.30.4.1",
    CA_FILE: join(own.dir, "ca.pem"),
  };
  const instance = await machine(context, "dash", settings);
  instance.giveToken(token);
  const joined = await instance.run("join");
  expect(joined.code, joined.stderr).toBe(0);

  // The reader's token is replaced by another one, in the file.
  const tokens = join(own.dir, "data/tokens.yaml");
  expect(statSync(tokens).mode & 0o777).toBe(0o600);
  const next = `pft_reader_${"n".repeat(43)}`;
  const text = await readFile(tokens, "utf8");
  const hash = (value: string) => createHash("sha256").update(value).digest("hex");
  await writeFile(`${tokens}.new`, text.replace(hash(own.token("reader")), hash(next)), { mode: 0o600 });
  await rename(`${tokens}.new`, tokens);
  await becomes(async () => (await send(line, next, true)).status, 200);
  expect((await send(line, own.token("reader"), true)).status).toBe(401);

  // The certificate is replaced by another one, and taken at SIGHUP; a broken one is not.
  const shown = async (): Promise<string> => {
    const { hostname: host, port } = new URL(service.url);
    const socket = connectTls({ host, port: Number(port), ca: read("ca.pem") });
    await once(socket, "secureConnect");
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };
  expect(await shown()).toBe("server");
  const renewed = (name: string): void => {
    openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", `/CN=${name}`);
    const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", "server.csr", ...signing, "-out", "server.pem", "-extfile", "server.ext");
  };
  renewed("renewed");
  expect(await shown()).toBe("server");
  service.program.kill("SIGHUP");
  await becomes(shown, "renewed");
  expect((await send(line, next, true)).status).toBe(200);
  instance.due();
  expect((await instance.run("heartbeat")).code).toBe(0);

  writeFileSync(join(own.dir, "server.pem"), "no certificate\n");
  service.program.kill("SIGHUP");
  await service.program.waitFor(/promferry-targets: .*PEM/);
  expect(await shown()).toBe("renewed");
  expect((await send(line, next, true)).status).toBe(200);
});

test("with no configuration at all: a first token, and a line to try that works", async (context) => {
  requireProgram(context, "curl", "sh");
  const home = await mkdtemp(join(tmpdir(), "target-home-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  // The usual port may be taken on this machine; nothing else is said.
  const env = { HOME: home, PROMFERRY_TARGETS_LISTEN: "127.0.0.1:0" };
  const program = await startSource(SERVICE_MAIN, [], { env });
  context.onTestFinished(program.stop);
  const [, file] = await program.waitFor(/first platform token: (\S+)/);
  expect(statSync(file!).mode & 0o777).toBe(0o600);
  const [, line] = await program.waitFor(/try: (curl .*)\n/);
  const tried = await (await startProgram("sh", ["-c", line!])).done;
  expect(JSON.parse(tried.stdout)).toMatchObject({
    id: expect.stringMatching(/^jt-/),
    token: expect.any(String),
  });
  const token = readFileSync(file!, "utf8").trim();
  expect(program.output().stdout).not.toContain(token);
  const [, url] = await program.waitFor(/listens on (\S+)/);
  // Nothing was there before, so an empty list is the truth.
  expect((await call(url!, "GET /v1/sd/prometheus", { token })).text).toBe("[]\n");
});
