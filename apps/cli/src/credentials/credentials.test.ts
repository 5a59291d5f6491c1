import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CliError } from "../cli-error.ts";
import type { AuthConfig } from "../config/schema.ts";
import { createAuthorization } from "./authorization.ts";
import { createRedactor } from "./redactor.ts";

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "promferry-secret-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function authorization(auth: AuthConfig, options: { cwd?: string; timeoutMs?: number } = {}) {
  const redactor = createRedactor();
  const read = createAuthorization(auth, {
    owner: "destination d",
    expand: (text) => text,
    resolvePath: (path) => path,
    cache: new Map(),
    redactor,
    env: { PATH: process.env["PATH"] },
    cwd: options.cwd ?? folder(),
    graceMs: 200,
    ...(options.timeoutMs ? { timeoutMs: options.timeoutMs } : {}),
  });
  return { read: read!, redactor };
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

for (const { name, auth, header } of [
  {
    name: "basic from a text for the shell",
    auth: { username: "u", password_cmd: "echo 'p w' | cat" },
    header: basic("u:p w"),
  },
  {
    name: "basic from a list without a shell",
    auth: { username: "u", password_cmd: ["printf", "%s", "$HOME"] },
    header: basic("u:$HOME"),
  },
  {
    name: "one trailing newline cut, blanks kept",
    auth: { token_cmd: ["printf", " a \r\n"] },
    header: "Bearer  a ",
  },
  { name: "a bearer token in plain text", auth: { token: "abc" }, header: "Bearer abc" },
]) {
  test(`createAuthorization reads ${name}`, async () => {
    expect(await authorization(auth).read()).toBe(header);
  });
}

for (const { name, auth, says } of [
  {
    name: "a command that fails",
    auth: { token_cmd: "echo s3cret; echo gpg: no s3cret key >&2; exit 3" },
    says: "token_cmd of destination d: `echo` ended with status 3: gpg: no [redacted] key",
  },
  {
    name: "a program that is not there",
    auth: { token_cmd: ["/no/such/program", "hunter2"] },
    says: "`/no/such/program` could not be started (ENOENT)",
  },
  { name: "a command that prints nothing", auth: { token_cmd: "true" }, says: "the secret is empty" },
  {
    name: "a command that prints several lines",
    auth: { token_cmd: "printf 'a\\nb\\n'" },
    says: "expected one line",
  },
  { name: "a command that prints without end", auth: { token_cmd: "yes" }, says: "printed more than 64 KiB" },
  {
    name: "a command that would ask on the terminal",
    auth: { token_cmd: "cat < /dev/tty" },
    says: "ended with status",
  },
  {
    name: "a command that reads its input",
    auth: { token_cmd: "read line && echo $line" },
    says: "`read` ended with status 1",
  },
  {
    name: "a file that is not there",
    auth: { token_file: "/no/such/file" },
    says: "/no/such/file can't be read (ENOENT)",
  },
]) {
  test(`createAuthorization refuses ${name} with exit 77`, async () => {
    const error = await authorization(auth)
      .read()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CliError);
    expect((error as CliError).exitCode).toBe(77);
    expect(`${(error as CliError).message}; ${(error as CliError).hint}`).toContain(says);
    expect(`${(error as CliError).message} ${(error as CliError).hint}`).not.toMatch(/s3cret|hunter2/);
  });
}

test("a command that hangs is ended with its whole group", async () => {
  const dir = folder();
  const auth = { token_cmd: "trap '' TERM; (trap '' TERM; sleep 60) & echo $! > child; wait" };
  const error = await authorization(auth, { cwd: dir, timeoutMs: 300 })
    .read()
    .catch((reason: unknown) => reason);
  expect((error as CliError).message).toContain("did not end within 0.3 s and was stopped");
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", readFileSync(join(dir, "child"), "utf8").trim()]);
  expect(stdout.toString()).toMatch(/^(Z.*)?\s*$/);
});

test("a command runs once in a run, and not before it is needed", async () => {
  const dir = folder();
  const { read } = authorization({ token_cmd: "echo x >> runs; echo token" }, { cwd: dir });
  expect(existsSync(join(dir, "runs"))).toBe(false);
  expect(await Promise.all([read(), read()])).toEqual(["Bearer token", "Bearer token"]);
  expect(readFileSync(join(dir, "runs"), "utf8")).toBe("x\n");
});

test("a file's secret loses its last newline", async () => {
  const file = join(folder(), "token");
  writeFileSync(file, "tok\n");
  expect(await authorization({ token_file: file }).read()).toBe("Bearer tok");
});

test("a secret is hidden in every spelling, and short words are left alone", async () => {
  const { read, redactor } = authorization({ username: "user", password: 'pa"ss w/d' });
  const header = await read();
  redactor.add("ok");
  for (const shown of [header!, 'pa"ss w/d', JSON.stringify('pa"ss w/d'), encodeURIComponent('pa"ss w/d')]) {
    expect(redactor.redact(`<${shown}>`)).toMatch(/^<"?(Basic )?\[redacted\]"?>$/);
  }
  expect(redactor.redact("it is ok")).toBe("it is ok");
});
