import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { writeAppSession } from "../test/journal.ts";
import { temporaryFolder } from "../test/run-cli.ts";

const FORBID = fileURLToPath(new URL("../test/forbid-outside.ts", import.meta.url));
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

function start(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; nodeArgs?: readonly string[]; stdout?: number } = {},
): ChildProcess {
  const home = temporaryFolder();
  const child = spawn(
    process.execPath,
    ["--conditions=@promferry/source", ...(options.nodeArgs ?? []), MAIN, ...argv],
    {
      cwd: options.cwd ?? home,
      env: { HOME: home, PATH: process.env["PATH"], ...options.env },
      stdio: ["ignore", options.stdout ?? "pipe", "pipe"],
    },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Standard output so far, once it matches; fails when the process ends before. */
function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
    child.once("close", () => reject(new Error(`ended after ${JSON.stringify(text)}`)));
  });
}

const ended = (child: ChildProcess) =>
  new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal));
  });

for (const { signal, exitCode } of [
  { signal: "SIGINT", exitCode: 130 },
  { signal: "SIGTERM", exitCode: 143 },
] as const) {
  test(`${signal} ends a receiver cleanly with ${exitCode}`, async () => {
    const child = start(["receive", "--dir", "j"]);
    await printed(child, /Ctrl-C ends it/);
    child.kill(signal);
    expect(await ended(child)).toBe(exitCode);
  });
}

test("SIGTERM ends a watch that waits with what its last upload ended with", async () => {
  const home = temporaryFolder();
  await writeAppSession(join(home, "journal"));
  writeFileSync(
    join(home, "config.yaml"),
    'app: k1\nmetrics: { dir: journal, exclusive: true, destinations: [{ name: a, type: http, url: "http://127.0.0.1:9999" }] }\n',
  );
  const child = start(
    ["upload-metrics", "--watch", "--every", "1h", "--timeout", "1ms", "--config", "config.yaml"],
    {
      cwd: home,
    },
  );
  let told = "";
  await new Promise<void>((resolve) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      told += text;
      if (/next upload in \d+m/.test(told)) resolve();
    });
  });
  child.kill("SIGTERM");
  expect(await ended(child)).toBe(69);
});

test("a reader of the messages that goes away ends no collection", async () => {
  const cwd = temporaryFolder();
  const child = start(["collect", "127.0.0.1:9", "--interval", "20ms", "--dir", "j"], { cwd });
  const end = ended(child);
  await once(child.stderr!, "data");
  child.stderr!.destroy();
  const journal = join(cwd, "j");
  const sizeOf = () =>
    existsSync(journal)
      ? readdirSync(journal).reduce((sum, name) => sum + readFileSync(join(journal, name)).length, 0)
      : 0;
  // Some frames more, each of which comes with a message.
  const enough = sizeOf() + 5_000;
  while (child.exitCode === null && sizeOf() < enough) await new Promise((resolve) => setImmediate(resolve));
  child.kill("SIGTERM");
  expect(await end).toBe(143);
});

test("a second signal ends a demo at once, and its folder goes with it", async () => {
  const folder = temporaryFolder();
  const child = start(["demo"], { env: { TMPDIR: folder } });
  const isCollecting = () => readdirSync(folder).some((name) => existsSync(join(folder, name, "journal")));
  while (!isCollecting()) await new Promise((resolve) => setImmediate(resolve));
  const end = ended(child);
  child.kill("SIGINT");
  child.kill("SIGTERM");
  expect([130, 143]).toContain(await end);
  expect(readdirSync(folder)).toEqual([]);
});

for (const { name, from, initCwd } of [
  { name: "where the user stood when pnpm started it", from: PACKAGE, initCwd: "." },
  { name: "where it runs, whatever a script above it says", from: ".", initCwd: "elsewhere" },
]) {
  test(`paths are relative to ${name}`, async () => {
    const stood = temporaryFolder();
    await writeAppSession(join(stood, "here"));
    const child = start(["export", "--dir", "here", "--format", "jsonl"], {
      cwd: resolve(stood, from),
      env: { INIT_CWD: join(stood, initCwd) },
    });
    expect(await printed(child, /"value":9/)).toContain('"metric":"k1_views_total"');
  });
}

test("a folder that is gone is exit 74, in words", async () => {
  const gone = join(temporaryFolder(), "gone");
  mkdirSync(gone);
  // A shell takes it away from under the program; nothing can be started in it afterwards.
  const shell = spawn(
    "sh",
    ["-c", `rmdir "$PWD"; exec "$0" --conditions=@promferry/source "$1" status`, process.execPath, MAIN],
    {
      cwd: gone,
      env: { HOME: gone, PATH: process.env["PATH"] },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let told = "";
  shell.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  expect(await once(shell, "close")).toEqual([74, null]);
  expect(told).toBe("promferry: the folder that you stand in can't be used (ENOENT)\n  go to another one\n");
});

test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output is exit 74, in words", async () => {
  const full = openSync("/dev/full", "w");
  onTestFinished(() => closeSync(full));
  const child = start(["--version"], { stdout: full });
  let told = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const closed = once(child, "close");
  expect(await closed).toEqual([74, null]);
  expect(told).toBe("promferry: standard output can't be written (ENOSPC)\n");
});

test("a reader that has seen enough is no failure", async () => {
  const dir = temporaryFolder();
  for (let i = 0; i < 40; i++) await writeAppSession(dir, { atMs: Date.UTC(2025, 9, 6, 12, i) });
  const child = start(["export", "--dir", dir, "--format", "jsonl"]);
  child.stdout?.destroy();
  expect(await ended(child)).toBe(0);
});

for (const { argv, exitCode, tries } of [
  { argv: ["upload-metrics", "--dry-run"], exitCode: 0, tries: [] },
  { argv: ["upload-metrics", "--dry-run", "--cleanup", "--force", "--json"], exitCode: 0, tries: [] },
  { argv: ["preview", "--to", "secret", "--now"], exitCode: 0, tries: [] },
  // So that the guard is known to bite.
  { argv: ["upload-metrics", "--to", "plain", "--timeout", "50ms"], exitCode: 69, tries: ["socket.connect"] },
  { argv: ["upload-metrics", "--to", "secret"], exitCode: 77, tries: ["child_process.spawn"] },
]) {
  test(`${argv.join(" ")} tries ${tries.join() || "no socket, no name and no process"}`, async () => {
    const home = temporaryFolder();
    await writeAppSession(join(home, "journal"));
    writeFileSync(
      join(home, "config.yaml"),
      `app: k1
metrics:
  dir: journal
  destinations:
    - { name: plain, type: http, url: "http://127.0.0.1:9999/" }
    - { name: secret, type: mimir, url: "https://p.example/w", auth: { token_cmd: "cat token" } }
    - { name: gateway, type: pushgateway, url: "https://g.example", grouping_keys: { user: "\${USER_HASH}" } }
`,
    );
    const log = join(home, "tried");
    writeFileSync(log, "");
    const child = start([...argv, "--config", "config.yaml"], {
      cwd: home,
      env: { FORBIDDEN_LOG: log, HTTPS_PROXY: "http://proxy.example:3128" },
      nodeArgs: ["--import", FORBID],
    });
    expect(await ended(child)).toBe(exitCode);
    expect([...new Set(readFileSync(log, "utf8").split("\n"))].filter(Boolean)).toEqual(tries);
  });
}

test.each([["--version"], ["--help"], ["upload-metrics", "--help"]])(
  "`promferry %s` loads commander and the command line's own modules, no library of a command",
  async (...argv) => {
    const list = `import { registerHooks } from "node:module";
      registerHooks({ load(url, context, next) { console.error("loaded " + url); return next(url, context); } });`;
    const child = start(argv, { nodeArgs: ["--import", `data:text/javascript,${encodeURIComponent(list)}`] });
    let text = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    await new Promise((resolve) => child.once("close", resolve));
    const loaded = text.split("\n").filter((line) => line.startsWith("loaded file:"));
    expect(loaded.length).toBeGreaterThan(10);
    expect(loaded.filter((line) => line.includes("/packages/"))).toEqual([]);
    expect(loaded.filter((line) => /\/node_modules\/(?!.*commander)/.test(line))).toEqual([]);
  },
);
