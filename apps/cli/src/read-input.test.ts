import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../test/run-cli.ts";
import { StopSignal } from "./io.ts";
import { readInput } from "./read-input.ts";

test("Ctrl-C ends the waiting for standard input", async () => {
  const stop = new AbortController();
  const stdin = (async function* () {
    yield Buffer.from("a 1\n");
    stop.abort(new StopSignal("SIGINT"));
    await new Promise(() => {});
  })();
  const reading = readInput({ stdin, signal: stop.signal, cwd: "/" }, "-");
  await expect(reading).rejects.toMatchObject({ name: "StopSignal", signal: "SIGINT" });
});

for (const argv of [
  ["check-metrics", "folder"],
  ["import", "folder"],
  ["targets", "lint", "folder"],
]) {
  test(`${argv.join(" ")} says that it is none, exit 74`, async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, "folder"));
    const { exitCode, stderr } = await runCli(argv, { home });
    expect(exitCode).toBe(74);
    expect(stderr).toBe(
      `promferry: ${join(home, "folder")}: a folder, not a file (EISDIR)\n  check the path\n`,
    );
  });
}
