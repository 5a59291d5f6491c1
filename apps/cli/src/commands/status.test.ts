import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeJournalFs } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serveReceiver } from "../../test/serve.ts";
import { describeDisk } from "../status/disk.ts";

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

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2025, 9, 6, 12);

/** Three days from 6 October on; `a` has all of them, `b` nothing, and the first two are over. */
async function threeDays(metrics: string) {
  const { url } = await serveReceiver();
  const configured = (more: string) => `app: k1
metrics:
  enabled: true
  dir: journal
  ${more}
  destinations:
    - { name: a, type: prometheus, url: "${url}/api/v1/write" }
    - { name: b, type: http, url: "${url}/ingest" }
`;
  const { home, config } = homeWith(configured(""));
  const dir = join(home, "journal");
  for (const day of [0, 1, 2]) await writeAppSession(dir, { atMs: NOON + day * DAY_MS });
  const touch = () => {
    for (const name of readdirSync(dir)) utimesSync(join(dir, name), NOON / 1000, NOON / 1000);
  };
  touch();
  const now = () => NOON + 3 * DAY_MS;
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home, now });
  await cli("upload-metrics", "--to", "a");
  touch();
  writeFileSync(config, configured(metrics));
  return { cli };
}

test("status shows days and sizes, what each destination lacks of which day, and what is compressed", async () => {
  const { cli } = await threeDays("max_bytes: 1MiB");
  const { stdout } = await cli("status");
  expect(stdout).toMatch(/^size {10}3 days, \d\.\d KiB of 1\.0 MiB \(max_bytes\)$/m);
  expect(stdout).toMatch(/^disk {10}\d+\.\d [GM]iB free/m);
  expect(stdout).toMatch(
    /^2025-10-06\.prom\.gz {2}closed, compressed, 3 frames of 1 session, 2 samples, \d+ B$/m,
  );
  expect(stdout).toMatch(/^2025-10-08\.prom {2}open, 3 frames/m);
  expect(stdout).toMatch(
    /^b {2}.*9 frames waiting\n {2}lacks 3 frames of 2025-10-06\n {2}lacks 3 frames of 2025-10-07\n/m,
  );
  const { json } = await cli("status", "--json");
  expect(json()).toMatchObject({
    days: [
      { day: "2025-10-06", files: 1, frames: 3, sessions: 1, samples: 2, closed: true, compressed: true },
      { day: "2025-10-07", closed: true, compressed: true },
      { day: "2025-10-08", closed: false, compressed: false },
    ],
    destinations: [
      { name: "a", lacks: [] },
      { name: "b", lacks: [{ day: "2025-10-06", frames: 3 }, { day: "2025-10-07" }, { day: "2025-10-08" }] },
    ],
    disk: { freeBytes: expect.any(Number), lowBelowBytes: 268_435_456 },
  });
});

for (const { metrics, risk, next } of [
  {
    metrics: "retention_days: 7",
    risk: "2025-10-06, the oldest day that is not everywhere: b lacks 3 frames; stays until they have it, unless the journal grows above max_bytes",
    next: "nothing, as things stand",
  },
  {
    metrics: "retention_overrides_upload: true",
    risk: "2025-10-06, the oldest day that is not everywhere: b lacks 3 frames; deleted all the same with the first upload after 2025-10-14T00:00:00.000Z, for it is older than retention_days",
    next: "2025-10-06, with the first upload after 2025-10-14T00:00:00.000Z, for it is older than retention_days",
  },
  {
    metrics: "max_bytes: 1KiB",
    risk: "2025-10-06, the oldest day that is not everywhere: b lacks 3 frames; deleted all the same with the next upload, for the journal is above max_bytes",
    next: "2025-10-06, with the next upload, for the journal is above max_bytes",
  },
]) {
  test(`status says what is at risk, and what goes next, with ${metrics}`, async () => {
    const { cli } = await threeDays(metrics);
    const { stdout } = await cli("status");
    expect(stdout).toContain(`\nat risk       ${risk}\n`);
    expect(stdout).toContain(`\nnext to go    ${next}\n`);
  });
}

test("status says when a day goes that every destination has, and that nothing is at risk then", async () => {
  const { cli } = await threeDays("max_bytes: 1MiB");
  await cli("upload-metrics");
  const { stdout } = await cli("status");
  expect(stdout).toContain(
    "\nnext to go    2025-10-06, with the first upload after 2025-10-14T00:00:00.000Z, since every destination has it\n",
  );
  expect(stdout).not.toContain("at risk");
});

test("status says that nothing is deleted while a destination can't be put together", async () => {
  const { home } = homeWith(`metrics:
  dir: journal
  destinations: [{ name: a, type: http, url: "\${WHERE}/x" }]
`);
  await writeAppSession(join(home, "journal"));
  const { exitCode, stdout } = await runCli(["status", "--config", "config.yaml"], { home });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^next to go {4}nothing, as long as destination a needs a variable that is not set: \$\{WHERE\} in url$/m,
  );
});

for (const { freeBytes, low } of [
  { freeBytes: 256 * 1024 ** 2, low: false },
  { freeBytes: 256 * 1024 ** 2 - 1, low: true },
]) {
  test(`${freeBytes} free bytes are ${low ? "few" : "enough"}`, async () => {
    expect(await describeDisk("/", { freeBytes: async () => freeBytes })).toMatchObject({ freeBytes, low });
  });
}

test("the room for a folder that is not there yet is its parent's", async () => {
  const { home } = homeWith("");
  const { freeBytes } = await describeDisk(join(home, "a", "b"), nodeJournalFs);
  expect(freeBytes).toBeGreaterThan(0);
  expect(await describeDisk(home, {})).toMatchObject({ freeBytes: undefined, low: false });
});
