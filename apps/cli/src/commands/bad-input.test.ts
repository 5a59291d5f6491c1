import { spawn } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { dayFiles, readSamples, writeAppSession } from "../../test/journal.ts";
import { homeWith, type RunResult, runCli } from "../../test/run-cli.ts";
import { closedAddress, serve, serveReceiver } from "../../test/serve.ts";

const config = (fields: string) =>
  `app: k1\nmetrics: { dir: journal, destinations: [{ name: d, ${fields} }] }\n`;
const status =
  (code: number, text = "", headers = {}): RequestListener =>
  (request, response) => {
    request.resume().on("end", () => response.writeHead(code, headers).end(text));
  };

async function homeWithJournal(yaml: string) {
  const { home } = homeWith(yaml);
  const dir = join(home, "journal");
  await writeAppSession(dir);
  return { home, dir };
}

/** The failed run must not have cost anything: the same journal reaches a healthy server afterwards. */
async function expectNothingLost(home: string, before: Record<string, string>): Promise<void> {
  const dir = join(home, "journal");
  expect(dayFiles(dir)).toEqual(before);
  const { url, dir: received } = await serveReceiver();
  writeFileSync(join(home, "good.yaml"), config(`type: prometheus, url: "${url}/api/v1/write"`));
  const { exitCode } = await runCli(["upload-metrics", "--config", "good.yaml"], { home });
  expect(exitCode).toBe(0);
  expect((await readSamples(received)).map((line) => line.split("} ")[1]?.split(" ")[0])).toEqual([
    "0",
    "5",
    "9",
  ]);
}

function expectTold(
  { stderr, exitCode }: RunResult,
  expected: { exitCode: number; what: string; does: string },
) {
  expect(exitCode).toBe(expected.exitCode);
  expect(stderr).toMatch(/^promferry: /m);
  expect(stderr).toContain(expected.what);
  expect(stderr).toMatch(new RegExp(`^ {2}.*${expected.does}`, "m"));
}

for (const { name, yaml, argv = [], exitCode, what, does } of [
  {
    name: "an unknown destination",
    yaml: config('type: prometheus, url: "http://127.0.0.1:1"'),
    argv: ["--to", "grafana"],
    exitCode: 2,
    what: "there is no destination named grafana",
    does: "configured are: d",
  },
  {
    name: "a configuration without destinations",
    yaml: "metrics: { dir: journal }",
    exitCode: 78,
    what: "no destination is configured",
    does: "list one under metrics.destinations in .*config.yaml",
  },
  {
    name: "wrong YAML",
    yaml: "metrics:\n  dir: journal\n   retention_days: 7\n",
    exitCode: 78,
    what: "config.yaml:2:8: not valid YAML: ",
    does: "correct the file and run `promferry config check`",
  },
  {
    name: "an unknown key",
    yaml: "metrics:\n  dir: journal\n  destination: []\n",
    exitCode: 78,
    what: 'config.yaml:3:3: unknown key "destination"; did you mean "destinations"?\n   3 |   destination: []\n     |   ^',
    does: "correct the file",
  },
  {
    name: "a variable that is not set",
    yaml: config(
      `type: prometheus, url: "https://p.example", auth: { username: "\${NOBODY_SET_THIS}", password_cmd: "true" }`,
    ),
    exitCode: 78,
    what: "${NOBODY_SET_THIS} in auth.username",
    does: "set NOBODY_SET_THIS in the environment",
  },
  {
    name: "a failing password_cmd",
    yaml: config(
      'type: prometheus, url: "https://127.0.0.1:1", auth: { username: u, password_cmd: "echo no such entry >&2; exit 1" }',
    ),
    exitCode: 77,
    what: "password_cmd of destination d: `echo` ended with status 1: no such entry",
    does: "run it by hand to see why",
  },
  {
    name: "credentials over plain http",
    yaml: config('type: prometheus, url: "http://p.example", auth: { token_cmd: "true" }'),
    exitCode: 78,
    what: "credentials would go over plain http",
    does: "correct the file",
  },
]) {
  test(`${name} is exit ${exitCode}, says what to do, and costs nothing`, async () => {
    const { home, dir } = await homeWithJournal(yaml);
    const before = dayFiles(dir);
    const result = await runCli(["upload-metrics", ...argv, "--config", "config.yaml"], { home });
    expectTold(result, { exitCode, what, does });
    await expectNothingLost(home, before);
  });
}

test("an unreachable server is exit 69, says what to do, and costs nothing", async () => {
  const { home, dir } = await homeWithJournal(
    config(`type: prometheus, url: "${await closedAddress()}/api/v1/write"`),
  );
  const before = dayFiles(dir);
  const result = await runCli(["upload-metrics", "--timeout", "50ms", "--config", "config.yaml"], { home });
  const does = "check its url and the network; the next upload continues where this one stopped";
  expectTold(result, { exitCode: 69, what: "d: POST to 127.0.0.1:", does });
  await expectNothingLost(home, before);
});

for (const { code, text, headers, exitCode, what, does } of [
  {
    code: 401,
    text: "who are you",
    exitCode: 77,
    what: "answered with 401: who are you",
    does: "check its auth",
  },
  { code: 403, text: "", exitCode: 77, what: "answered with 403", does: "check its auth" },
  {
    code: 404,
    text: "",
    exitCode: 78,
    what: "answered with 404",
    does: "check its url in the configuration",
  },
  {
    code: 301,
    text: "",
    headers: { location: "/elsewhere" },
    exitCode: 78,
    what: "/elsewhere",
    does: "check its url",
  },
  {
    code: 429,
    text: "slow down",
    headers: { "retry-after": "60" },
    exitCode: 75,
    what: "answered with 429",
    does: "run the command again later",
  },
  {
    code: 500,
    text: "oops",
    exitCode: 69,
    what: "answered with 500: oops",
    does: "the next upload continues",
  },
]) {
  test(`a server that answers ${code} is exit ${exitCode}, says what to do, and costs nothing`, async () => {
    const url = await serve(status(code, text, headers));
    const { home, dir } = await homeWithJournal(config(`type: prometheus, url: "${url}/api/v1/write"`));
    const before = dayFiles(dir);
    const argv = ["upload-metrics", "--timeout", "50ms", "--config", "config.yaml"];
    expectTold(await runCli(argv, { home }), { exitCode, what, does });
    const asJson = await runCli([...argv, "--json"], { home });
    expect(asJson.json()).toMatchObject({
      exitCode,
      destinations: [{ name: "d", failure: { kind: expect.any(String) } }],
    });
    await expectNothingLost(home, before);
  });
}

test("no configuration at all is exit 78 and says where one is looked for", async () => {
  const result = await runCli(["upload-metrics"]);
  expectTold(result, {
    exitCode: 78,
    what: ".promferry/config.yaml",
    does: "list one under metrics.destinations",
  });
  const named = await runCli(["upload-metrics", "--config", "nowhere.yaml"]);
  expectTold(named, { exitCode: 78, what: "there is no configuration file", does: "check --config" });
});

test("a corrupt file costs the damaged frame alone, and the upload says so", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home, dir } = await homeWithJournal(config(`type: prometheus, url: "${url}/api/v1/write"`));
  const [file] = readdirSync(dir);
  const path = join(dir, file!);
  writeFileSync(path, readFileSync(path, "utf8").replace("} 5 ", "} 6 "));
  const before = dayFiles(dir);
  const result = await runCli(["upload-metrics", "--config", "config.yaml"], { home });
  expectTold(result, {
    exitCode: 0,
    what: "damage in the journal, left out: 1 place",
    does: "`promferry journal verify` shows where",
  });
  expect((await readSamples(received)).at(-1)).toContain("} 9 ");
  expect(dayFiles(dir)).toEqual(before);
  const { stdout } = await runCli(["status", "--config", "config.yaml"], { home });
  expect(stdout).toMatch(/damaged: .*\.prom at byte \d+, \d+ bytes \(checksum\); left out/);
});

test("a session of which all info is damaged stays here, and the report says why", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home, dir } = await homeWithJournal(config(`type: prometheus, url: "${url}/api/v1/write"`));
  const [file] = readdirSync(dir);
  const path = join(dir, file!);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll("# Session: {", "# Session: [["));
  const { stdout } = await runCli(["upload-metrics", "--config", "config.yaml"], { home });
  expect(stdout).toContain(
    "stayed here: 1 frame, because the session's info is damaged: nothing says what may leave",
  );
  expect(await readSamples(received)).toEqual([]);
});

test("a corrupt ledger stops the upload before anything is sent", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home, dir } = await homeWithJournal(config(`type: prometheus, url: "${url}/api/v1/write"`));
  writeFileSync(join(dir, ".uploaded"), "{");
  const result = await runCli(["upload-metrics", "--config", "config.yaml"], { home });
  expectTold(result, { exitCode: 74, what: ".uploaded", does: "check the journal's folder" });
  expect(await readSamples(received)).toEqual([]);
});

test("a file where the journal's folder should be is told", async () => {
  const { home } = homeWith(config('type: prometheus, url: "http://127.0.0.1:1"'));
  writeFileSync(join(home, "journal"), "");
  const result = await runCli(["upload-metrics", "--config", "config.yaml"], { home });
  expectTold(result, { exitCode: 78, what: "journal", does: "give yourself access to the journal's folder" });
});

test("a directory without permission is exit 78, says what to do, and costs nothing", async () => {
  const { url } = await serveReceiver();
  const { home, dir } = await homeWithJournal(config(`type: prometheus, url: "${url}/api/v1/write"`));
  const before = dayFiles(dir);
  const isRoot = process.getuid?.() === 0;
  // Root may write everywhere, so the command runs as nobody there.
  const uid = isRoot ? 65_534 : undefined;
  chmodSync(home, 0o755);
  chmodSync(dir, isRoot ? 0o700 : 0o500);
  const result = await runAsProcess(["upload-metrics", "--config", "config.yaml"], home, uid);
  chmodSync(dir, 0o700);
  expectTold(result, { exitCode: 78, what: "journal", does: "give yourself access to the journal's folder" });
  expect(result.stderr).toMatch(/EACCES|permission/);
  await expectNothingLost(home, before);
});

/** The command line in a process of its own, from its sources. */
async function runAsProcess(
  argv: readonly string[],
  home: string,
  uid: number | undefined,
): Promise<RunResult> {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@promferry/source", main, ...argv], {
    cwd: home,
    env: { HOME: home, PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const exitCode = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)));
  return { exitCode, stdout, stderr, json: () => JSON.parse(stdout) };
}
