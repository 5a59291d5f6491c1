import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { parseExposition } from "@promferry/core/text-format";
import { resolveSampling } from "@promferry/privacy";
import { expect, test } from "vitest";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";

/** Monday, 00:00 UTC: of three weeks the first and the last one are drawn. */
const MONDAY = Date.UTC(2025, 9, 6);
const DAY = 86_400_000;
const WEEK = 7 * DAY;
const HOUR = 3_600_000;
const RATE = 0.5;

/** Writes a key under which the draws of these weeks are yes, no, yes. */
async function putKey(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (let seed = 0; ; seed++) {
    const key = createHash("sha256").update(`${seed}`).digest("hex");
    writeFileSync(join(dir, "identity.json"), JSON.stringify({ v: 1, key }));
    const { isDrawn } = await resolveSampling({ dir, rate: RATE, create: false });
    if ([0, 1, 2].map((week) => isDrawn(MONDAY + week * WEEK)).join() === "true,false,true") return;
  }
}

/** One session that runs over all three weeks; what it counts in the second is of a kind that is found again. */
async function write(dir: string, weeks: number): Promise<void> {
  const info = { app: "k1", intervalMs: HOUR };
  const writer = createJournalWriter({
    dir,
    origin: "app",
    consent: "config",
    dayBoundary: "utc",
    info,
    session: "3f9c2a17",
  });
  const page = (pods: number, secret = 0) => {
    const hidden = secret > 0 ? `k1_views_total{screen="secret-week"} ${secret}\n` : "";
    const text = `# TYPE k1_views_total counter\nk1_views_total{screen="pods"} ${pods}\n${hidden}`;
    return parseExposition(text, { format: "prometheus" });
  };
  const at = (week: number, ms: number) => MONDAY + week * WEEK + ms;
  await writer.write({ kind: "start", families: [], atMs: at(0, DAY) });
  await writer.write({ kind: "full", families: page(5), atMs: at(1, -HOUR) });
  if (weeks > 1) {
    await writer.write({ kind: "full", families: page(77_005, 77), atMs: at(1, HOUR) });
    await writer.write({ kind: "full", families: page(77_006, 78), atMs: at(2, -HOUR) });
  }
  if (weeks > 2) {
    await writer.write({ kind: "full", families: page(77_007, 78), atMs: at(2, HOUR) });
    await writer.write({ kind: "full", families: page(77_010, 78), atMs: at(2, 2 * HOUR), exit: true });
  }
  await writer.close();
}

async function setUp(more = "") {
  const bodies: string[] = [];
  const url = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      bodies.push(`${request.method} ${request.url}\n${Buffer.concat(chunks).toString("utf8")}`);
      response.writeHead(request.method === "PUT" ? 202 : 204).end();
    });
  });
  const { home } = homeWith(`app: k1
metrics:
  dir: journal
  day_boundary: utc
  sample_rate: ${RATE}
  session_labels: []
${more}  destinations:
    - { name: own, type: http, url: "${url}/own" }
    - { name: gateway, type: pushgateway, url: "${url}" }
`);
  const dir = join(home, "journal");
  const cli = (week: number, ...argv: string[]) =>
    runCli([...argv, "--config", "config.yaml"], { home, now: () => MONDAY + (week + 1) * WEEK - 60_000 });
  return { home, dir, bodies, cli };
}

test("nothing of a week that was not drawn ever leaves, not later in totals either", async () => {
  const { home, dir, bodies, cli } = await setUp();
  await putKey(dir);
  await write(dir, 2);
  const undrawn = "this installation was not drawn this week, from 2025-10-13 (metrics.sample_rate: 0.5)";
  const first = await cli(1, "upload-metrics");
  expect([first.exitCode, first.stderr]).toEqual([0, ""]);
  expect(first.stdout).toContain(`stayed here: 2 frames, because ${undrawn}`);
  const { stdout: status } = await cli(1, "status");
  expect(status).toContain(
    "0.5 of all weeks is sent; not drawn this week, from 2025-10-13: nothing that is recorded in it is ever sent",
  );
  expect(status).toContain("own  2 samples accepted, 0 frames waiting");
  expect((await cli(1, "privacy", "explain")).stdout).toContain(`stay here: 2 frames, because ${undrawn}`);
  expect((await cli(1, "status", "--json")).json()).toMatchObject({
    sampling: { rate: 0.5, week: "2025-10-13", drawn: false },
  });
  expect((await cli(0, "status")).stdout).toContain("drawn this week, from 2025-10-06\n");

  await writeThird(dir);
  const looked = await cli(2, "preview", "--write", "requests");
  const requests = join(home, "requests");
  const previewed = readdirSync(requests).map((name) => readFileSync(join(requests, name), "utf8"));
  const last = await cli(2, "upload-metrics");
  expect([last.exitCode, last.stderr]).toEqual([0, ""]);
  expect(last.stdout).toContain(
    "stayed here: 2 frames, because this installation was not drawn in the week from 2025-10-13 (metrics.sample_rate: 0.5)",
  );
  await cli(2, "upload-metrics", "--force", "--from", "2025-10-01");

  const produced = [...bodies, ...previewed, looked.stdout, last.stdout].join("\n");
  expect(produced).not.toContain("secret");
  expect(produced).not.toMatch(/\b(77\d\d\d|7[0-9]|80)\b(?! samples)/);
  // 5 in the first week, and 3 between the two frames of the third.
  const values = [...bodies.join("\n").matchAll(/k1_views_total\{[^}]*\} (\d+) (\d+)/g)];
  expect(new Set(values.map(([, value, at]) => `${(Number(at) - MONDAY) / HOUR}h ${value}`))).toEqual(
    new Set(["24h 0", "167h 5", "337h 5", "338h 8"]),
  );
  expect(bodies.filter((body) => body.startsWith("PUT")).at(-1)).toMatch(/\} 8\n/);
});

async function writeThird(dir: string): Promise<void> {
  const again = join(dir, "..", "again");
  await write(again, 3);
  for (const name of readdirSync(again)) writeFileSync(join(dir, name), readFileSync(join(again, name)));
}

test("a week that was not drawn is settled: its days go like those that every destination has", async () => {
  const { dir, cli } = await setUp("  delete_after_push: true\n");
  await putKey(dir);
  await write(dir, 3);
  for (const name of readdirSync(dir)) {
    if (name.endsWith(".prom")) utimesSync(join(dir, name), MONDAY / 1000, MONDAY / 1000);
  }
  const { exitCode, stdout } = await cli(3, "upload-metrics");
  expect(exitCode).toBe(0);
  for (const day of ["2025-10-07", "2025-10-12", "2025-10-13", "2025-10-19", "2025-10-20"])
    expect(stdout).toContain(`deleted ${day} `);
  expect((await cli(3, "upload-metrics")).stdout).toContain("nothing to send");
});

test("the draw needs the installation's key with identity none too; only an upload makes it", async () => {
  const { dir, cli } = await setUp("  identity: none\n  exclusive: true\n");
  await write(dir, 3);
  for (const argv of [["preview"], ["privacy", "explain"], ["upload-metrics", "--dry-run"]]) {
    const { stdout, stderr } = await cli(2, ...argv);
    expect(`${stdout}${stderr}`).toContain(
      "the first upload draws the weeks that are sent (metrics.sample_rate: 0.5)",
    );
  }
  expect((await cli(2, "status")).stdout).toContain("0.5 of all weeks is sent; the first upload draws\n");
  expect(existsSync(join(dir, "identity.json"))).toBe(false);
  expect((await cli(2, "upload-metrics")).exitCode).toBe(0);
  expect(existsSync(join(dir, "identity.json"))).toBe(true);
});

for (const [rate, place] of [
  ["0", "2:16: expected a number above 0 and of at most 1, got 0"],
  ["1.5", "2:16: expected a number above 0 and of at most 1, got 1.5"],
  ["often", '2:16: expected a number, got "often"'],
] as const) {
  test(`config check refuses a sample_rate of ${rate} at its place`, async () => {
    const { home } = homeWith(`metrics:\n  sample_rate: ${rate}\n`);
    const { exitCode, stdout } = await runCli(["config", "check", "--config", "config.yaml"], { home });
    expect([exitCode, stdout]).toEqual([78, expect.stringContaining(place)]);
  });
}
