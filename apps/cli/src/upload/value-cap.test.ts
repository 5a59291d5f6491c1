import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { readSamples } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serveReceiver } from "../../test/serve.ts";

const NOON = Date.UTC(2025, 9, 6, 12);
const MINUTE = 60_000;

/** A whole run of a program that counts each of these screens once. */
async function run(dir: string, atMs: number, screens: readonly string[]): Promise<void> {
  const info = { app: "k1", intervalMs: 5 * MINUTE };
  const writer = createJournalWriter({ dir, origin: "app", consent: "config", info });
  const lines = screens.map((screen) => `k1_views_total{screen="${screen}"} 1\n`);
  const families = parseExposition(`# TYPE k1_views_total counter\n${lines.join("")}`, {
    format: "prometheus",
  });
  await writer.write({ kind: "start", families: [], atMs });
  await writer.write({ kind: "full", families, atMs: atMs + MINUTE, exit: true });
  await writer.close();
}

test("of a label's values the first leave and stay, others are other: told by upload, preview and explain", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home } = homeWith(`app: k1
metrics:
  dir: journal
  identity: none
  exclusive: true
  session_labels: []
  max_label_values: 2
  destinations: [{ name: d, type: prometheus, url: "${url}/api/v1/write" }]
`);
  const dir = join(home, "journal");
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
  const told =
    "2 values of the label screen leave as they are, all others as other (metrics.max_label_values)";
  await run(dir, NOON, ["pods", "nodes"]);
  const first = await cli("upload-metrics");
  expect([first.exitCode, first.stderr]).toEqual([0, ""]);
  expect(first.stdout).not.toContain("as other");

  // Earlier than all that was sent, and one of its values was never seen.
  await run(dir, NOON - 10 * MINUTE, ["jobs", "pods"]);
  await run(dir, NOON + 10 * MINUTE, ["jobs", "events"]);
  expect((await cli("privacy", "explain")).stdout).toContain(`    ${told}\n`);
  expect((await cli("preview")).stdout).toContain(`note: of k1_views_total, ${told}\n`);
  const second = await cli("upload-metrics");
  expect([second.exitCode, second.stderr]).toEqual([0, ""]);
  expect(second.stdout).toContain(told);

  const again = await cli("upload-metrics", "--force", "--from", "2025-10-06");
  expect([again.exitCode, again.stderr]).toEqual([0, ""]);
  const latest = new Map<string, number>();
  for (const line of await readSamples(received)) {
    const [, screen = "", value] = /screen=(\w+)\} (\d+)/.exec(line) ?? [];
    latest.set(screen, Number(value));
  }
  expect(Object.fromEntries(latest)).toEqual({ pods: 2, nodes: 1, other: 3 });
});
