import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const RUN = fileURLToPath(new URL("../.ci/run", import.meta.url));

for (const { name, npm, node = "exit 0", last, status } of [
  { name: "all is well", npm: "echo 4 passed, 0 failed", last: "4 passed, 0 failed", status: 0 },
  {
    name: "npm has the last word",
    npm: "echo 3 passed, 1 failed, 2 skipped; echo npm error code 1 >&2; exit 1",
    last: "3 passed, 1 failed, 2 skipped",
    status: 1,
  },
  { name: "the tests are killed", npm: "echo unit; kill -9 $$", last: "0 passed, 1 failed", status: 137 },
  {
    name: "servers are missing",
    node: "exit 1",
    npm: "echo 9 passed, 5 failed; exit 1",
    last: "9 passed, 5 failed",
    status: 1,
  },
]) {
  test(`CI's last line has the real totals when ${name}`, ({ onTestFinished }) => {
    const root = mkdtempSync(join(tmpdir(), "promferry-ci-"));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    for (const folder of [".ci", "bin"]) mkdirSync(join(root, folder));
    cpSync(RUN, join(root, ".ci/run"));
    for (const [program, script] of Object.entries({ npm, node })) {
      writeFileSync(join(root, "bin", program), `#!/bin/sh\n${script}\n`);
      chmodSync(join(root, "bin", program), 0o755);
    }
    const PATH = `${join(root, "bin")}:${process.env["PATH"]}`;
    const ran = spawnSync("bash", [join(root, ".ci/run")], { encoding: "utf8", env: { PATH } });
    expect(ran.stdout.trimEnd().split("\n").at(-1)).toBe(last);
    expect(ran.status).toBe(status);
  });
}
