/**
 * Our verdicts on pages beside those of the programs that we claim to agree with: the committed table,
 * differences included, and pages that were damaged at random.
 */

import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  checkMetrics,
  createExpositionParser,
  type ExpositionFormat,
  parseExposition,
} from "@promferry/core/text-format";
import { expect, type TestContext, test } from "vitest";
import { requireServer, runPromtool, startPrometheus } from "./harness/index.ts";
import { nextPage, realPages, seeded, smallPages } from "./text-format/damaged-pages.ts";

interface Verdict {
  readonly name: string;
  readonly page: string;
  readonly latin1?: boolean;
  readonly error?: string;
  readonly differs?: string;
}

const table = JSON.parse(
  await readFile(new URL("../packages/core/test/verdicts.json", import.meta.url), "utf8"),
) as Record<ExpositionFormat, Verdict[]>;

/** Each page's name and whether the other program takes it, if the table is right. */
function expected(rows: readonly Verdict[]): [string, boolean][] {
  return rows.map(({ name, error, differs }) => [name, (error === undefined) === (differs === undefined)]);
}

function bytesOf({ page, latin1 }: Verdict): Buffer {
  return Buffer.from(page, latin1 ? "latin1" : "utf8");
}

test("promtool check metrics agrees with the table of strict verdicts", async (context) => {
  requireServer(context, "promtool");
  const rows = table.prometheus;
  const seen: [string, boolean][] = [];
  for (const row of rows) seen.push([row.name, await promtoolTakes(bytesOf(row))]);
  expect(seen).toEqual(expected(rows));
});

/** How many pages are damaged for each of the comparisons below; 10,000 take some minutes. */
const damagedCount = Number(process.env["PROMFERRY_DAMAGED_PAGES"] ?? 300);
/** How many of them one Prometheus scrapes. */
const batchSize = 300;

const scraped = [
  ["scrape", "text/plain; version=0.0.4"],
  ["openmetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"],
] as const;

for (const [format, mediaType] of scraped) {
  test(`a scraping Prometheus agrees with the table of ${format} verdicts`, async (context) => {
    requireServer(context, "prometheus");
    const rows = table[format];
    const taken = await scrape(rows.map(bytesOf), mediaType, context.onTestFinished);
    expect(rows.map(({ name }, i) => [name, taken[i]])).toEqual(expected(rows));
  });

  test(`a scraping Prometheus agrees on generated and damaged pages as ${format}`, {
    timeout: 120_000 + damagedCount * 100,
  }, async (context) => {
    requireServer(context, "prometheus");
    const random = seeded(20_251_007);
    const lastLine = format === "openmetrics" ? "# EOF\n" : "";
    const wholes = [...smallPages, ...(await realPages())].map((page) => page + lastLine);
    const parser = createExpositionParser({ format });
    const wrong: object[] = [];
    for (let n = 0; n < damagedCount; n += batchSize) {
      const count = Math.min(batchSize, damagedCount - n);
      const pages = Array.from({ length: count }, () => nextPage(wholes, format, random)).filter(isHarmless);
      const taken = await scrape(pages, mediaType, context.onTestFinished);
      const verdicts = pages.map((page, i) => {
        const ours = refusal(() => parseExposition(page, { format }));
        expect(refusal(() => parser.parse(page))).toBe(ours);
        return { page: page.toString("latin1"), ours, prometheus: taken[i] };
      });
      // The table has the reasons for what is refused here and taken there: most of OpenMetrics, and a few more.
      wrong.push(
        ...verdicts.filter(({ ours, prometheus }) =>
          prometheus
            ? format === "scrape" && ours !== "" && !listedScrapeDifferences.test(ours)
            : ours === "",
        ),
      );
    }
    expect(wrong).toEqual([]);
  });
}

/**
 * Where the table says that a scraping Prometheus is laxer than we are; and of a sample whose timestamp is too old to be
 * stored, it does not look at the labels.
 */
const listedScrapeDifferences =
  /expected each label name once|__name__ is reserved|expected (a metric name,|a label name or|'=' after) .*got "\\u0000/;

/** A scraping Prometheus 3.5 panics on a line like `{f} 4`, in either format, and takes its other targets along. */
function isHarmless(page: Buffer): boolean {
  return !/^\s*\{\s*[^"\s]/m.test(page.toString("latin1"));
}

/** Whether a Prometheus that scrapes each of the pages once takes it. */
async function scrape(
  bodies: readonly Buffer[],
  mediaType: string,
  onTestFinished: TestContext["onTestFinished"],
): Promise<boolean[]> {
  const pages = createServer((request, response) => {
    response.setHeader("content-type", mediaType);
    response.end(bodies[Number(request.url?.slice(1))]!);
  });
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    pages.closeAllConnections();
    pages.close();
  });
  const target = `127.0.0.1:${(pages.address() as AddressInfo).port}`;
  const prometheus = await startPrometheus({
    scrapeConfigs: bodies.map((_, i) => ({
      job_name: String(i),
      metrics_path: `/${i}`,
      scrape_interval: "3s",
      static_configs: [{ targets: [target] }],
    })),
  });
  onTestFinished(prometheus.stop);
  let health = new Map<string, string>();
  const unknown = async (): Promise<number> => {
    health = await targetHealth(prometheus.url);
    return bodies.filter((_, i) => (health.get(String(i)) ?? "unknown") === "unknown").length;
  };
  await expect.poll(unknown, { timeout: 60_000, interval: 250 }).toBe(0);
  await prometheus.stop();
  return bodies.map((_, i) => health.get(String(i)) === "up");
}

/** Where the table says that promtool is laxer, as far as damage at random gets there. */
const listedDifferences =
  /^expected (each series once|a metric name in the braces|counter, gauge, .*got ".*\\)/;

test("promtool check metrics agrees on generated and damaged pages, in verdict and in advice", {
  timeout: 60_000 + damagedCount * 500,
}, async (context) => {
  requireServer(context, "promtool");
  const random = seeded(20_251_006);
  const pages = [...smallPages, ...(await realPages())];
  // Knows the pages that were damaged, so that its verdict is mostly that of known lines.
  const parser = createExpositionParser({ format: "prometheus" });
  let taken = 0;
  const compare = async (page: Buffer): Promise<void> => {
    const shown = page.toString("latin1");
    const { code, stderr } = await runPromtool(["check", "metrics"], { input: page });
    const { errors, warnings } = checkMetrics(page, { format: "prometheus" });
    const takes = code !== 1 && !/metric not unique/.test(stderr);
    expect(refusal(() => parser.parse(page))).toBe(
      refusal(() => parseExposition(page, { format: "prometheus" })),
    );
    if (takes && listedDifferences.test(errors[0]?.message ?? "")) return;
    expect.soft({ shown, takes: errors.length === 0 }).toEqual({ shown, takes });
    if (!takes || errors.length > 0) return;
    taken++;
    const advice = new Set(warnings.map(({ metric, rule }) => `${metric} ${rule}`));
    expect.soft({ shown, advice: [...advice].sort() }).toEqual({ shown, advice: promtoolAdvice(stderr) });
  };
  for (const page of pages) await compare(Buffer.from(page));
  for (let i = 0; i < damagedCount; i += 4) {
    await Promise.all(Array.from({ length: 4 }, () => compare(nextPage(pages, "prometheus", random))));
  }
  expect(taken).toBeGreaterThan(damagedCount / 6);
});

test("promtool check metrics --extended counts the same series of each metric", async (context) => {
  requireServer(context, "promtool");
  // Histograms and summaries, and labels; with any advice promtool says nothing of cardinality.
  const page =
    '# HELP a_total A.\n# TYPE a_total counter\na_total{x="1"} 1\na_total{x="2"} 1\n# HELP g G.\n# TYPE g gauge\ng 1\n' +
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n' +
    '# HELP s S.\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n# HELP u U.\nu{x="1",y="2"} 1\n';
  const { code, stdout } = await runPromtool(["check", "metrics", "--extended"], {
    input: Buffer.from(page),
  });
  expect(code).toBe(0);
  const theirs = stdout
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/ {2,}/))
    .filter(([metric]) => metric && metric !== "Total")
    .map(([metric, series]) => `${metric} ${series}`);
  const { cardinality } = checkMetrics(page, { format: "prometheus" });
  expect(cardinality.map(({ metric, series }) => `${metric} ${series}`).sort()).toEqual(theirs.sort());
});

/** The message with which a page is refused, if it is. */
function refusal(parse: () => unknown): string {
  try {
    parse();
    return "";
  } catch (error) {
    return String(error);
  }
}

/** Exit code 3 is advice, of which "not unique" is the part that the format itself forbids. */
async function promtoolTakes(input: Uint8Array): Promise<boolean> {
  const { code, stderr } = await runPromtool(["check", "metrics"], { input });
  return code !== 1 && !/metric not unique/.test(stderr);
}

async function targetHealth(url: string): Promise<Map<string, string>> {
  const response = await fetch(`${url}/api/v1/targets`);
  const { data } = (await response.json()) as {
    data: { activeTargets: { labels: Record<string, string>; health: string; lastError: string }[] };
  };
  return new Map(
    data.activeTargets.map(({ labels, health, lastError }) => [
      labels["job"] ?? "",
      // A scrape that was too slow for the machine says nothing about its page; the next one may.
      /context deadline exceeded|context canceled|connection/.test(lastError) ? "unknown" : health,
    ]),
  );
}

const adviceRules: readonly [RegExp, string][] = [
  [/help text/, "help"],
  [/"_total"/, "total"],
  [/base unit/, "base-unit"],
  [/abbreviated/, "unit-abbreviation"],
  [/" label$/, "reserved-label"],
  [/" suffix$/, "reserved-suffix"],
  [/include type/, "type-in-name"],
  [/':'/, "colon"],
  [/snake_case/, "camel-case"],
];

function promtoolAdvice(stderr: string): string[] {
  const advice = new Set<string>();
  for (const line of stderr.split("\n").filter(Boolean)) {
    const [metric] = line.split(" ", 1);
    const rule = adviceRules.find(([pattern]) => pattern.test(line))?.[1] ?? line;
    advice.add(`${metric} ${rule}`);
  }
  return [...advice].sort();
}
