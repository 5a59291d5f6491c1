import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

/** The demo installs what is missing, and an installation that is killed half-way would take the other tests' programs away. */
const SET_UP = { timeout: 120_000 };
const DEMO = fileURLToPath(new URL("./demo.mjs", import.meta.url));

/** `npm run demo` without npm, with a folder of its own for what is temporary. */
function startDemo(): {
  child: ChildProcess;
  folder: string;
  ended: Promise<{ code: number; text: string }>;
} {
  const folder = mkdtempSync(join(tmpdir(), "promferry-tools-"));
  const env = { ...process.env, TMPDIR: folder, HOME: folder, NO_COLOR: "1" };
  const child = spawn(process.execPath, [DEMO], { env, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const ended = new Promise<{ code: number; text: string }>((resolve) => {
    child.once("close", (code) => resolve({ code: code ?? -1, text }));
  });
  return { child, folder, ended };
}

test(
  "the demo reads back what it sent, says how to go on from here, and leaves nothing",
  SET_UP,
  async () => {
    const { folder, ended } = startDemo();
    const { code, text } = await ended;
    expect(code).toBe(0);
    expect(text).toContain("Read back");
    expect(text).not.toContain("DIFFERENT");
    expect(text).toContain("promferry is `node apps/cli/dist/main.js`, after `npm run setup`");
    expect(readdirSync(folder)).toEqual([]);
  },
);

test("a demo that is interrupted ends with 130 and leaves nothing", SET_UP, async () => {
  const { child, folder, ended } = startDemo();
  const isCollecting = () => readdirSync(folder).some((name) => existsSync(join(folder, name, "journal")));
  while (!isCollecting()) await new Promise((resolve) => setImmediate(resolve));
  child.kill("SIGINT");
  expect(await ended).toEqual({ code: 130, text: "promferry: stopped by SIGINT\n" });
  expect(readdirSync(folder)).toEqual([]);
});
