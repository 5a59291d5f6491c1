import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { treeFolder } from "../tools/servers.mjs";
import { atTerminal, requireProgram, requireServer, runCli, workspaceRoot } from "./harness/index.ts";

type Shell = "bash" | "zsh" | "fish";

/** A folder with `promferry` as a command, a configuration with two destinations, and files to complete. */
async function playground(shell: Shell): Promise<{ dir: string; env: Record<string, string> }> {
  const dir = mkdtempSync(join(tmpdir(), "promferry-completion-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const main = join(workspaceRoot, "apps/cli/src/main.ts");
  const command = `#!/bin/sh\nexec "${process.execPath}" --conditions=@promferry/source "${main}" "$@"\n`;
  mkdirSync(join(dir, "bin"));
  writeFileSync(join(dir, "bin/promferry"), command);
  chmodSync(join(dir, "bin/promferry"), 0o755);
  writeFileSync(
    join(dir, "config.yaml"),
    `metrics: { destinations: [{ name: grafana, type: prometheus, url: "https://g.example/w" }, { name: gateway, type: pushgateway, url: "https://p.example" }] }\n`,
  );
  writeFileSync(join(dir, "page.txt"), "");
  mkdirSync(join(dir, "journal-folder"));
  const { stdout } = await runCli(["completion", shell]);
  writeFileSync(join(dir, "completion"), stdout);
  const env = {
    PATH: `${join(dir, "bin")}:/usr/bin:/bin`,
    HOME: dir,
    TERM: "xterm",
    LC_ALL: "C.UTF-8",
    PROMFERRY_CONFIG: join(dir, "config.yaml"),
  };
  return { dir, env };
}

/** A program of `tools/servers.mjs` with the libraries of its own suite, as a shell's command line. */
function fromTree(name: "zsh" | "fish"): string[] {
  const usr = join(treeFolder(name), "usr");
  const libraries = join(usr, "lib", only(join(usr, "lib"), /-linux-gnu/));
  const loader = join(libraries, only(libraries, /^ld-linux.*\.so\.\d+$/));
  return [loader, "--library-path", libraries, join(usr, "bin", name)];
}

function only(folder: string, pattern: RegExp): string {
  const found = readdirSync(folder).find((entry) => pattern.test(entry));
  if (!found) throw new Error(`${folder} has nothing like ${pattern}`);
  return found;
}

/** What is typed, and what the shell makes of it after Tab. */
const COMPLETED = [
  ["promferry upl", "promferry upload-metrics "],
  ["promferry journal ver", "promferry journal verify "],
  ["promferry status --js", "promferry status --json "],
  ["promferry export --format open", "promferry export --format openmetrics "],
  ["promferry export --format=open", "promferry export --format=openmetrics "],
  ["promferry upload-metrics --to gra", "promferry upload-metrics --to grafana "],
  ["promferry check-metrics pa", "promferry check-metrics page.txt "],
  ["promferry status --dir jour", "promferry status --dir journal-folder/"],
] as const;

for (const { shell, argv, setup } of [
  { shell: "bash", argv: () => ["bash", "--norc", "-i"], setup: () => "source ./completion" },
  {
    shell: "zsh",
    argv: () => [...fromTree("zsh"), "-f", "-i"],
    setup: () => {
      const usr = join(treeFolder("zsh"), "usr");
      const modules = join(usr, "lib", only(join(usr, "lib"), /-linux-gnu/), "zsh");
      return [
        `module_path=(${join(modules, only(modules, /^\d/))})`,
        `fpath=(${join(usr, "share/zsh/functions")}{,/**/*(/N)})`,
        "autoload -Uz compinit && compinit -u -D",
        "source ./completion",
      ].join("; ");
    },
  },
] as const) {
  test(`${shell} completes commands, options, values, destinations, files and folders at a terminal`, async (context) => {
    if (shell === "zsh") requireServer(context, "zsh");
    requireProgram(context, "script");
    const place = await playground(shell);
    const terminal = atTerminal(argv(), place);
    // What is typed is echoed: the answer is spelled otherwise.
    terminal.type(`${setup()}; echo re"ad"y\n`);
    await terminal.shows("ready");
    for (const [typed, completed] of COMPLETED) {
      terminal.type(`${typed}\t`);
      await terminal.shows(completed);
      terminal.type("\u0015");
    }
  });
}

test("fish completes them with their descriptions", async (context) => {
  requireServer(context, "fish");
  const place = await playground("fish");
  const [loader = "", ...args] = fromTree("fish");
  const complete = async (line: string): Promise<string[]> => {
    const script = `source ./completion; complete -C ${JSON.stringify(line)}`;
    const child = spawn(loader, [...args, "--no-config", "-c", script], {
      cwd: place.dir,
      env: place.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    await new Promise((resolve) => child.once("close", resolve));
    return text.split("\n").filter((found) => found !== "");
  };
  for (const [typed, completed] of COMPLETED) {
    const word = completed.trim().split(" ").at(-1) ?? "";
    const found = await complete(typed);
    expect(found.map((line) => line.split("\t")[0])).toContain(word);
  }
  expect(await complete("promferry upl")).toEqual([
    "upload-metrics\tCarries the journal to its destinations. Without --to: default_destination, else all.",
  ]);
});
