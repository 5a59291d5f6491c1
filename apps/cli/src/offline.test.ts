import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { catalogueFileName, catalogueToJson, counter, defineMetrics } from "@promferry/core";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { writeAppSession } from "../test/journal.ts";
import { temporaryFolder } from "../test/run-cli.ts";
import { buildProgram } from "./program.ts";

const FORBID = fileURLToPath(new URL("../test/forbid-outside.ts", import.meta.url));
const RUN_EACH = fileURLToPath(new URL("../test/run-each.ts", import.meta.url));

/** Talking to others is what these are for; `demo` and `receive` listen on this machine. */
const SENDS = [
  "agent",
  "collect",
  "demo",
  "doctor",
  "receive",
  "upload-metrics",
  ...["drain", "init", "join-token", "list", "remove", "show", "simulate", "sync"].map(
    (name) => `targets ${name}`,
  ),
];

/** Every other command at work, in an order in which each finds what it needs. */
const OFFLINE: readonly string[][] = [
  ["status"],
  ["config", "check"],
  ["config", "explain"],
  ["config", "init", "--print"],
  ["config", "schema"],
  ["catalog"],
  ["enable", "--yes"],
  ["preview", "--now"],
  ["privacy", "explain"],
  ["export"],
  ["journal", "verify"],
  ["import", "old.prom"],
  ["check-metrics", "page.txt"],
  ["completion", "bash"],
  ["complete", "promferry", "up"],
  ["targets", "user-data", "--url", "https://targets.example", "--join-token-file", "token"],
  ["targets", "lint", "user-data"],
  ["disable"],
  ["forget", "--yes"],
];

/** Not built yet, and says so. */
const NOT_BUILT = ["compare", "report", "view"];

function leaves(command: Command, path: readonly string[] = []): string[] {
  return command.commands.flatMap((each) => {
    const own = [...path, each.name()];
    return each.commands.length > 0 ? leaves(each, own) : [own.join(" ")];
  });
}

test("every command either sends by its nature or is run below", () => {
  const names = OFFLINE.map((argv) =>
    leaves(buildProgram({} as never, async () => {})).find((leaf) =>
      `${argv.join(" ")} `.startsWith(`${leaf} `),
    ),
  );
  expect([...SENDS, ...NOT_BUILT, ...names].sort()).toEqual(
    leaves(buildProgram({} as never, async () => {})).sort(),
  );
});

test("with sockets, names and processes forbidden, every command runs through but those that send", {
  timeout: 60_000,
}, async () => {
  const home = temporaryFolder();
  const journal = join(home, "journal");
  await writeAppSession(journal);
  const { catalogue } = defineMetrics(
    { namespace: "k1" },
    { views: counter({ name: "views_total", help: "Views." }) },
  );
  const files = {
    [`journal/${catalogueFileName(catalogue)}`]: catalogueToJson(catalogue),
    "config.yaml": `app: k1
metrics:
  dir: journal
  destinations:
    - { name: plain, type: http, url: "http://a.example/" }
    - { name: secret, type: mimir, url: "https://p.example/w", auth: { token_cmd: "cat token" } }
    - { name: gateway, type: pushgateway, url: "https://g.example" }
`,
    "old.prom": "# Written: 2025-10-05T14:30:00Z\nup 1 1759674600000\n",
    "page.txt": "# HELP up Up.\n# TYPE up gauge\nup 1\n",
    token: "t1.0123456789abcdef0123.-\n",
    "user-data": "#cloud-config\npackages: [curl]\n",
    tried: "",
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(home, name), content, { mode: 0o600 });
  const argv = OFFLINE.map((each) => [...each, "--config", "config.yaml"]);
  const child = spawn(
    process.execPath,
    ["--conditions=@promferry/source", "--import", FORBID, RUN_EACH, JSON.stringify(argv)],
    {
      cwd: home,
      env: { PATH: process.env["PATH"], FORBIDDEN_LOG: join(home, "tried") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once("close", resolve));
  const results = JSON.parse(text) as { argv: string[]; exitCode: number; text: string }[];
  expect(results.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
  expect(results).toHaveLength(OFFLINE.length);
  expect(readFileSync(join(home, "tried"), "utf8")).toBe("");
});
