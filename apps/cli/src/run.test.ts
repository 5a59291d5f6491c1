import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runCli } from "../test/run-cli.ts";
import { cliVersion } from "./cli-version.ts";

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
    "import",
    "journal",
    "targets",
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
  { argv: ["config", "chek"], says: "unknown command 'chek'", does: "see `promferry config --help`" },
  { argv: [], says: "a command is missing", does: "`promferry --help` lists them" },
  { argv: ["config"], says: "a command is missing", does: "`promferry config --help` lists them" },
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

/** The commands of the design, section 9, and two of its other sections. */
const COMMANDS =
  "demo enable disable status catalog preview collect import upload-metrics agent export check-metrics view report compare receive doctor forget targets completion privacy";

test("every command of the design is there or says that it is not built, as the README does", async () => {
  const notBuilt: string[] = [];
  for (const name of [...COMMANDS.split(" "), "journal verify", "config check", "config schema"]) {
    const { exitCode, stdout, stderr } = await runCli([...name.split(" "), "--help"]);
    if (exitCode === 0) expect(stdout).toContain(`Usage: promferry ${name}`);
    else {
      notBuilt.push(name);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(new RegExp(`^promferry: .${name}. is not built yet\n  for now: .`));
    }
  }
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const listed = /and the commands (`compare`[^.]*)\./.exec(readme)?.[1] ?? "";
  expect([...listed.matchAll(/`([a-z ]+)`/g)].map(([, name]) => name)).toEqual(notBuilt.sort());
});

for (const argv of [["compare"], ["compare", "--metric", "up", "a"]]) {
  test(`${argv.join(" ")} is exit 2 and says what to use instead`, async () => {
    const { exitCode, stderr } = await runCli(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      "promferry: `compare` is not built yet\n  for now: compare what `promferry export --format jsonl --dir …` writes of the two\n",
    );
  });
}

test("what is not built is not offered: neither by help nor as a correction", async () => {
  expect((await runCli(["help", "compare"])).stdout).toContain("Not built yet. For now: compare what");
  expect((await runCli(["--help"])).stdout).not.toMatch(/^ {2}compare/m);
  expect((await runCli(["compar"])).stderr).not.toContain("compare");
});

test("under --json, what is not built is told as any wrong command line", async () => {
  const { json } = await runCli(["report", "--html", "--json"]);
  expect(json()).toMatchObject({
    error: { code: "usage", exitCode: 2, message: "`report` is not built yet" },
  });
});
