import { expect, test } from "vitest";
import { runCli } from "../test/run-cli.ts";
import { cliVersion } from "./context.ts";

test("--version prints the version alone", async () => {
  expect(await runCli(["--version"])).toMatchObject({ exitCode: 0, stdout: `${cliVersion()}\n` });
});

test("help names every command and shows examples", async () => {
  const { exitCode, stdout } = await runCli(["--help"]);
  expect(exitCode).toBe(0);
  for (const name of [
    "demo",
    "collect",
    "upload-metrics",
    "preview",
    "status",
    "export",
    "check-metrics",
    "receive",
    "config",
  ]) {
    expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
  }
  expect(stdout).toContain("Examples:\n  promferry demo");
});

for (const { argv, says, does } of [
  {
    argv: ["uplod-metrics"],
    says: "unknown command 'uplod-metrics'",
    does: "(Did you mean upload-metrics?)",
  },
  { argv: ["status", "--jsn"], says: "unknown option '--jsn'", does: "(Did you mean --json?)" },
  { argv: ["collect"], says: "missing required argument 'url'", does: "see `promferry collect --help`" },
  {
    argv: ["export", "--format", "xml"],
    says: "Allowed choices are prometheus, openmetrics, jsonl.",
    does: "see `promferry export --help`",
  },
  {
    argv: ["collect", "http://a", "--interval", "soon"],
    says: "Expected a duration such as 15s",
    does: "see `promferry collect --help`",
  },
  { argv: [], says: "a command is missing", does: "`promferry --help` lists them" },
  { argv: ["view"], says: "unknown command 'view'", does: "see `promferry --help`" },
]) {
  test(`a wrong command line, ${JSON.stringify(argv.join(" "))}, is exit 2 with advice`, async () => {
    const { exitCode, stdout, stderr } = await runCli(argv);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^promferry: /);
    expect(stderr).toContain(says);
    expect(stderr).toContain(`  ${does}`);
  });
}

test("under --json an error is JSON on standard output, too", async () => {
  const { exitCode, json } = await runCli(["statsu", "--json"]);
  expect(exitCode).toBe(2);
  expect(json()).toEqual({
    error: {
      code: "usage",
      exitCode: 2,
      message: "unknown command 'statsu'",
      hint: expect.stringContaining("status"),
    },
  });
});
