import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { parseNativeHistogram } from "@promferry/core/series";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";

const NOON = Date.UTC(2025, 9, 6, 12);
const DAY_MS = 86_400_000;
const LABELS = 'arch="x64",cluster_name="prod",os="linux",screen="pods",version="1.2.3"';

/** Two sessions that count 9 each, on two days, and a scraped page with a time of its own. */
async function twoDays() {
  const home = temporaryFolder();
  const dir = join(home, "j");
  await writeAppSession(dir, { session: "0000000a" });
  await writeAppSession(dir, { session: "0000000b", atMs: NOON + DAY_MS });
  const page = createJournalWriter({ dir, origin: "scrape", consent: "user", info: { intervalMs: 1000 } });
  const families = parseExposition("# TYPE up gauge\nup 1\n", { format: "prometheus" });
  await page.write({ kind: "full", families, atMs: NOON });
  await page.close();
  return (...argv: string[]) => runCli(["export", "--dir", "j", ...argv], { home });
}

test("export as Prometheus text has the newest total of each series, once and with its time", async () => {
  const { exitCode, stdout, stderr } = await (await twoDays())();
  expect(exitCode).toBe(0);
  expect(stderr).toBe("");
  expect(stdout).toBe(`# TYPE up gauge
up 1 ${NOON}
# HELP k1_views_total Screens opened.
# TYPE k1_views_total counter
k1_views_total{${LABELS}} 18 ${NOON + DAY_MS + 120_000}
`);
  expect(parseExposition(stdout, { format: "prometheus" })).toHaveLength(2);
});

test("export as OpenMetrics has every sample in seconds, ends as it must, and reads back", async () => {
  const { stdout } = await (await twoDays())("--format", "openmetrics");
  expect(stdout).toBe(`# TYPE up gauge
up 1 1759752000
# TYPE k1_views counter
# HELP k1_views Screens opened.
k1_views_total{${LABELS}} 0 1759752000
k1_views_total{${LABELS}} 5 1759752060
k1_views_total{${LABELS}} 9 1759752120
k1_views_total{${LABELS}} 14 1759838460
k1_views_total{${LABELS}} 18 1759838520
# EOF
`);
  expect(parseExposition(stdout, { format: "openmetrics" }).length).toBe(2);
});

test("export as JSON lines has one object for each sample", async () => {
  const { stdout } = await (await twoDays())("--format", "jsonl");
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows[0]).toEqual({ metric: "up", labels: {}, value: 1, ts: NOON });
  expect(
    rows.filter(({ metric }) => metric === "k1_views_total").map(({ value, ts }) => [value, ts - NOON]),
  ).toEqual([
    [0, 0],
    [5, 60_000],
    [9, 120_000],
    [14, DAY_MS + 60_000],
    [18, DAY_MS + 120_000],
  ]);
});

test("dates choose samples and never change what they say", async () => {
  const cli = await twoDays();
  const values = async (...argv: string[]) =>
    (await cli("--format", "jsonl", ...argv)).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).value);
  expect(await values("--from", "2025-10-07")).toEqual([14, 18]);
  expect(await values("--to-date", "2025-10-06")).toEqual([1, 0, 5, 9]);
  const none = await cli("--from", "2030-01-01");
  expect(none).toMatchObject({ exitCode: 0, stdout: "" });
  expect(none.stderr).toContain("has no samples for these days");
});

test("export of no journal at all is empty, valid and says so", async () => {
  const { exitCode, stdout, stderr } = await runCli([
    "export",
    "--dir",
    "nowhere",
    "--format",
    "openmetrics",
  ]);
  expect(exitCode).toBe(0);
  expect(stdout).toBe("# EOF\n");
  expect(stderr).toMatch(/the journal .*nowhere has no samples/);
});

for (const { format, text } of [
  { format: "prometheus", text: `# TYPE hits_total counter\nhits_total 5 ${NOON}\n` },
  {
    format: "openmetrics",
    text: '# TYPE hits counter\nhits_total 5 1759752000 # {trace_id="x"} 1 1759751999.75\n# EOF\n',
  },
  { format: "jsonl", text: `{"metric":"hits_total","labels":{},"value":5,"ts":${NOON}}\n` },
]) {
  test(`export as ${format} says that native histograms are left out`, async () => {
    const home = temporaryFolder();
    const page = createJournalWriter({
      dir: join(home, "j"),
      origin: "scrape",
      consent: "user",
      info: { intervalMs: 1000 },
    });
    const columns = { help: "", unit: "", timestampsMs: [Number.NaN] };
    const histogram = parseNativeHistogram('{"schema":0,"count":1,"sum":2,"positive":[[1,1]]}');
    const exemplar = { labels: [{ name: "trace_id", value: "x" }], value: 1, timestampMs: NOON - 250 };
    await page.write({
      kind: "full",
      atMs: NOON,
      families: [
        {
          ...columns,
          name: "hits_total",
          type: "counter",
          series: [{ name: "hits_total", labels: [] }],
          values: [5],
          exemplars: new Map([[0, [exemplar]]]),
        },
        {
          ...columns,
          name: "h",
          type: "histogram",
          series: [{ name: "h", labels: [] }],
          values: [Number.NaN],
          special: new Map([[0, histogram]]),
        },
      ],
    });
    await page.close();

    const { exitCode, stdout, stderr } = await runCli(["export", "--dir", "j", "--format", format], { home });

    expect(exitCode).toBe(0);
    expect(stdout).toBe(text);
    expect(stderr).toBe(
      "promferry: left out: 1 native histogram; the format has none, remote write carries them\n",
    );
  });
}
