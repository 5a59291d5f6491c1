import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { readSamples } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serve, serveReceiver } from "../../test/serve.ts";

/** Monday, 00:00 UTC: the border of two weeks. */
const MONDAY = Date.UTC(2025, 9, 6);
const MINUTE = 60_000;

/** One session that counts to 5 before the border and to 8 after it. */
async function writeOverBorder(dir: string, untilMs: number): Promise<void> {
  const info = { app: "k1", intervalMs: 30 * MINUTE };
  const writer = createJournalWriter({ dir, origin: "app", consent: "config", info, session: "3f9c2a17" });
  const views = (value: number) =>
    parseExposition(`# TYPE k1_views_total counter\nk1_views_total ${value}\n`, { format: "prometheus" });
  await writer.write({ kind: "start", families: [], atMs: MONDAY - 60 * MINUTE });
  await writer.write({ kind: "full", families: views(5), atMs: MONDAY - 10 * MINUTE });
  if (untilMs > MONDAY) await writer.write({ kind: "full", families: views(8), atMs: MONDAY + 10 * MINUTE });
  await writer.close();
}

function setUp(destination: string) {
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, identity: rotating, session_labels: [], destinations: [{ name: d, ${destination} }] }\n`,
  );
  return {
    dir: join(home, "journal"),
    cli: (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home }),
  };
}

test("a rotating identity is another user on both sides of Monday, and totals begin at 0 there", async () => {
  const { url, dir: received } = await serveReceiver();
  const { dir, cli } = setUp(`type: prometheus, url: "${url}/api/v1/write"`);
  await writeOverBorder(dir, MONDAY + 1);
  const { exitCode, stderr } = await cli("upload-metrics");
  expect([exitCode, stderr]).toEqual([0, ""]);

  const samples = (await readSamples(received)).map((line) => {
    const [, user, value, at] = /user=([0-9a-f]{32})\} (\d+)(?: @(\d+))?/.exec(line)!;
    return { user, value: Number(value), at: at === undefined ? undefined : Number(at) };
  });
  const users = [...new Set(samples.map(({ user }) => user))];
  expect(users.length).toBe(2);
  const of = (user: string | undefined) => samples.filter((each) => each.user === user);
  expect(users.map((user) => of(user).map(({ value }) => value))).toEqual([
    [0, 5],
    [0, 3],
  ]);
  expect(of(users[1])[0]!.at).toBe(MONDAY);
  expect((await cli("config", "check")).stdout).not.toContain("rotating");
  expect((await cli("upload-metrics")).stdout).toContain("nothing to send");
});

test("the group of the last week at a Pushgateway goes when the new one is accepted", async () => {
  const requests: string[] = [];
  const url = await serve((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => response.writeHead(202).end());
  });
  const { dir, cli } = setUp(`type: pushgateway, url: "${url}"`);
  await writeOverBorder(dir, MONDAY - 1);
  expect((await cli("upload-metrics")).exitCode).toBe(0);
  expect(requests).toEqual([expect.stringMatching(/^PUT .*\/user\/[0-9a-f]{32}$/)]);
  const [, lastWeek] = requests[0]!.split(" ");

  const later = createJournalWriter({
    dir,
    origin: "app",
    consent: "config",
    info: { app: "k1", intervalMs: 30 * MINUTE },
  });
  const families = parseExposition("# TYPE k1_views_total counter\nk1_views_total 2\n", {
    format: "prometheus",
  });
  await later.write({ kind: "start", families: [], atMs: MONDAY + 20 * MINUTE });
  await later.write({ kind: "full", families, atMs: MONDAY + 30 * MINUTE });
  await later.close();
  expect((await cli("upload-metrics")).exitCode).toBe(0);

  expect(requests.slice(1)).toEqual([
    expect.stringMatching(/^PUT .*\/user\/[0-9a-f]{32}$/),
    `DELETE ${lastWeek}`,
  ]);
  expect(requests[1]).not.toContain(lastWeek);
});

test("what cannot be another value each week can't hold the rotating user", async () => {
  const { dir, cli } = setUp(
    'type: prometheus, url: "http://127.0.0.1:1", headers: { X-User: "${USER_HASH}" }',
  );
  await writeOverBorder(dir, MONDAY + 1);
  const { exitCode, stderr } = await cli("upload-metrics");
  expect(exitCode).toBe(78);
  expect(stderr).toContain("can only stand in external_labels and grouping_keys");
});
