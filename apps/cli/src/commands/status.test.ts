import { join } from "node:path";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serveReceiver } from "../../test/serve.ts";

test("status without anything says what is missing and what to try", async () => {
  const { exitCode, stdout } = await runCli(["status"]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(".promferry/metrics");
  expect(stdout).toContain("(not there; defaults apply)");
  expect(stdout).toContain("off because nobody switched it on");
  expect(stdout).toContain("The journal is empty. `promferry demo` shows how it fills.");
});

test("status shows what each destination has and what waits", async () => {
  const { url } = await serveReceiver();
  const { home } = homeWith(`app: k1
metrics:
  enabled: true
  dir: journal
  destinations:
    - { name: a, type: prometheus, url: "${url}/api/v1/write" }
    - { name: b, type: http, url: "${url}/ingest" }
`);
  await writeAppSession(join(home, "journal"));
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
  await cli("upload-metrics", "--to", "a");
  const { stdout } = await cli("status");
  expect(stdout).toContain("upload because the configuration says enabled: true");
  expect(stdout).toMatch(/2025-10-0\d\.prom {2}open, 3 frames of 1 session, 2 samples, \d/);
  expect(stdout).toContain("\n  a: success\n");
  expect(stdout).toMatch(/^a {2}3 samples accepted, 0 frames waiting, newest 2025-10-06T12:02:00.000Z$/m);
  expect(stdout).toMatch(/^b {2}0 samples accepted, 3 frames waiting$/m);
  const { json } = await cli("status", "--json");
  expect(json()).toMatchObject({
    app: "k1",
    collection: { state: "upload" },
    identity: "installation",
    files: [{ closed: false, frames: 3, sessions: 1, samples: 2, uploads: { a: "success" } }],
    destinations: [
      { name: "a", accepted: 3, waitingFrames: 0 },
      { name: "b", waitingFrames: 3 },
    ],
    damage: [],
  });
});
