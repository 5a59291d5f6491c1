import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { readSamples } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serve, serveReceiver } from "../../test/serve.ts";

const NOON = Date.UTC(2025, 9, 6, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A run that counts one screen every ten minutes, and two clicks in all; it is asked to come up to so many screens. */
async function begin(dir: string): Promise<(times: number) => Promise<void>> {
  const info = { app: "k1", intervalMs: 10 * MINUTE };
  const writer = createJournalWriter({ dir, origin: "app", consent: "config", info, dayBoundary: "utc" });
  await writer.write({ kind: "start", families: [], atMs: NOON + MINUTE });
  let done = 0;
  return async (times) => {
    while (done < times) {
      const families = parseExposition(page(++done), { format: "prometheus" });
      await writer.write({ kind: "full", families, atMs: NOON + (done * 10 + 1) * MINUTE });
    }
  };
}

function page(screens: number): string {
  return `# TYPE k1_views_total counter
k1_views_total ${screens}
# TYPE k1_clicks_total counter
k1_clicks_total ${Math.min(screens, 2)}
# TYPE k1_draw_seconds histogram
k1_draw_seconds_bucket{le="0.1"} ${Math.floor(screens / 2)}
k1_draw_seconds_bucket{le="+Inf"} ${screens}
k1_draw_seconds_sum ${screens * 0.0123}
k1_draw_seconds_count ${screens}
# TYPE k1_objects gauge
k1_objects ${screens * 7}
`;
}

/** Takes JSON lines; `name value@minutes` of each, in order of arrival. */
async function takeLines(): Promise<{ url: string; bodies: string[]; samples: () => string[] }> {
  const bodies: string[] = [];
  const url = await serve(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    response.end();
  });
  const samples = () =>
    bodies.flatMap((body) =>
      body
        .trim()
        .split("\n")
        .map((line) => {
          const { metric, labels, value, ts } = JSON.parse(line);
          return `${metric}${labels.le ? `{${labels.le}}` : ""} ${value}@${(ts - NOON) / MINUTE}`;
        }),
    );
  return { url, bodies, samples };
}

function configFor(url: string, receiver: string): string {
  return `app: k1
metrics:
  dir: journal
  identity: none
  exclusive: true
  session_labels: []
  round_counts: 3
  minimum_count: 4
  time_step: 1h
  destinations:
    - { name: lines, type: http, url: "${url}/in", format: json }
    - { name: store, type: prometheus, url: "${receiver}/api/v1/write" }
`;
}

test("counts leave rounded, from the minimum on, once an hour: the same by upload, preview, dry run and explain", async () => {
  const lines = await takeLines();
  const store = await serveReceiver();
  const { home } = homeWith(configFor(lines.url, store.url));
  const countTo = await begin(join(home, "journal"));
  await countTo(5);
  const at = (minutes: number) => (argv: string[]) =>
    runCli([...argv, "--config", "config.yaml"], { home, now: () => NOON + minutes * MINUTE });

  const early = await at(59)(["upload-metrics", "--now"]);
  expect([early.exitCode, early.stderr]).toEqual([0, ""]);
  expect(early.stdout).toContain("frames wait for an upload after the end of their 1h (metrics.time_step)");
  expect(lines.bodies).toEqual([]);

  await countTo(11);
  const preview = await at(121)(["preview", "--to", "lines"]);
  expect(preview.stdout).toContain(
    "note: counters and counts leave rounded down to multiples of 3, sums and quantiles stay here (metrics.round_counts)",
  );
  expect(preview.stdout).toContain(
    "note: what was counted less than 6 times stays here (metrics.minimum_count)",
  );
  expect(preview.stdout).toContain(
    "note: samples leave once each 1h, at its end and as they were then (metrics.time_step)",
  );
  expect(preview.stdout).toContain("  k1_views_total{} 9 2025-10-06T14:00:00.000Z");
  expect(preview.stdout).not.toMatch(/k1_clicks_total|k1_draw_seconds_sum/);
  expect(preview.stdout).toMatch(/stayed here: \d+ samples of \d+ series, minimum_count/);
  expect(preview.stdout).toMatch(/stayed here: \d+ samples of 1 series, it would tell the exact counts/);

  const explained = await at(121)(["privacy", "explain", "--to", "lines"]);
  expect(explained.stdout).toContain("  counters and counts leave rounded down to multiples of 3");
  expect(explained.stdout).toContain("  of these, 1 series stay: below that minimum with the newest frame");
  expect(explained.stdout).toContain("    1 stay: it would tell the exact counts that are rounded\n");
  const { destinations } = (await at(121)(["privacy", "explain", "--to", "lines", "--json"])).json() as {
    destinations: unknown[];
  };
  expect(destinations).toMatchObject([
    { coarseness: { roundCounts: 3, minimumCount: 4, timeStepMs: HOUR }, belowMinimum: 1 },
  ]);

  const dry = await at(121)(["upload-metrics", "--dry-run"]);
  expect(dry.stdout).toContain("samples would be sent");
  expect(lines.bodies).toEqual([]);
  await countTo(13);
  for (const minutes of [122, 181]) {
    const sent = await at(minutes)(["upload-metrics"]);
    expect([sent.exitCode, sent.stderr]).toEqual([0, ""]);
    expect(sent.stdout).not.toContain("rounded down");
  }

  const expected = [
    "k1_objects 35@60",
    "k1_views_total 0@60",
    "k1_views_total 9@120",
    "k1_draw_seconds_bucket{0.1} 0@60",
    "k1_draw_seconds_bucket{0.1} 0@120",
    "k1_draw_seconds_bucket{+Inf} 0@60",
    "k1_draw_seconds_bucket{+Inf} 9@120",
    "k1_draw_seconds_count 0@60",
    "k1_draw_seconds_count 9@120",
    "k1_objects 77@120",
    "k1_views_total 12@180",
    "k1_draw_seconds_bucket{0.1} 6@180",
    "k1_draw_seconds_bucket{+Inf} 12@180",
    "k1_draw_seconds_count 12@180",
    "k1_objects 91@180",
  ];
  expect(lines.samples().sort()).toEqual(expected.sort());
  const stored = await readSamples(store.dir);
  expect(stored).toHaveLength(expected.length);
  expect(stored.some((line) => /clicks|_sum/.test(line))).toBe(false);

  const again = await at(200)(["upload-metrics", "--force", "--from", "2025-10-06", "--to", "lines"]);
  expect([again.exitCode, again.stderr]).toEqual([0, ""]);
  expect([...new Set(lines.samples())].sort()).toEqual(expected.sort());
});

test("export is the user's own: as exact as the journal", async () => {
  const { home } = homeWith(configFor("http://127.0.0.1:9", "http://127.0.0.1:9"));
  await (await begin(join(home, "journal")))(2);
  const exported = await runCli(["export", "--config", "config.yaml"], { home });
  expect(exported.stdout).toContain("k1_clicks_total 2 ");
});
