/**
 * The gate against quadratic time: runs each job at growing sizes, fits `time = c · size^k`, and exits 1
 * where k is above 1.15. Wants `--expose-gc`, so that no run pays for the garbage of another. `--short`, for CI: parsing and
 * encoding only, at the smallest and the largest size.
 */

import { parseArgs } from "node:util";
import type { Frame } from "@promferry/core/journal";
import { createTotals } from "@promferry/core/merge";
import { createSeriesDictionary, type MetricFamily } from "@promferry/core/series";
import {
  createExpositionParser,
  type ExpositionFormat,
  parseExposition,
  writeOpenMetrics,
  writePrometheusText,
} from "@promferry/core/text-format";
import {
  createLabelCache,
  createStringCache,
  encodeRequestV2,
  encodeWriteRequest,
} from "@promferry/remote-write";
import { batchOf } from "./batch-of.ts";

const LIMIT = 1.15;
/** From where the results outgrow the collector's young space on: below, the cost of an item is another one. */
const ALL_SIZES: readonly number[] = [16_000, 32_000, 64_000, 128_000];
const { values: options } = parseArgs({ options: { short: { type: "boolean", default: false } } });
const SIZES = options.short ? [ALL_SIZES[0]!, ALL_SIZES.at(-1)!] : ALL_SIZES;
const REPEATS = options.short ? 2 : 3;

type Job = (size: number) => () => unknown;
const formats: readonly ExpositionFormat[] = ["prometheus", "scrape", "openmetrics"];

const jobs: Readonly<Record<string, Job>> = {
  ...Object.fromEntries(
    formats.flatMap((format) => parseJobs(format).map(([name, job]) => [`${name}/${format}`, job])),
  ),
  "write/prometheus": (size) => withFamilies(size, (families) => () => writePrometheusText(families)),
  "write/openmetrics": (size) => withFamilies(size, (families) => () => writeOpenMetrics(families)),
  "encode/v1": (size) =>
    withFamilies(size, (families) => () => encodeWriteRequest(batchOf(families), createLabelCache())),
  "encode/v2": (size) =>
    withFamilies(size, (families) => () => encodeRequestV2(batchOf(families), createStringCache())),
  "totals/sessions at once": sessionsAtOnce,
};

const found = growth((size) => () => spin(8 * size ** 1.5));
console.log(`control, made to grow by 1.5: ${found.toFixed(2)}`);
if (found <= LIMIT) throw new Error("the gate sees no growth where there is some: expected above 1.15");

for (const [name, job] of Object.entries(jobs)) {
  if (options.short && name.startsWith("write/")) continue;
  let exponent = growth(job);
  // Noise of the machine goes both ways; growth comes back.
  for (let again = 0; again < 4 && exponent > LIMIT; again++) exponent = Math.min(exponent, growth(job));
  const failed = exponent > LIMIT;
  console.log(`${name}: ${exponent.toFixed(2)} ${failed ? `FAILED, expected at most ${LIMIT}` : "ok"}`);
  if (failed) process.exitCode = 1;
}

/** The slope of log time over log size; time is the least CPU time of a few runs. */
function growth(job: Job): number {
  const runs = SIZES.map(job);
  runs[0]!();
  const times = runs.map((run) => Math.min(...Array.from({ length: REPEATS }, () => cpuMsOf(run))));
  const x = SIZES.map(Math.log);
  const y = times.map(Math.log);
  const meanX = mean(x);
  const meanY = mean(y);
  const sums = x.map((each, i) => [(each - meanX) * (y[i]! - meanY), (each - meanX) ** 2] as const);
  return mean(sums.map(([xy]) => xy)) / mean(sums.map(([, xx]) => xx));
}

function spin(steps: number): number {
  let x = 1;
  for (let i = 0; i < steps; i++) x = Math.imul(x, 0x9e3779b1) ^ i;
  return x;
}

function cpuMsOf(run: () => unknown): number {
  globalThis.gc?.();
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Shapes that a careless parser takes too long for. */
function parseJobs(format: ExpositionFormat): [string, Job][] {
  const end = format === "openmetrics" ? "# EOF\n" : "";
  const options = { format, limits: { maxLineBytes: Infinity, maxNameBytes: Infinity } };
  const cold =
    (line: (i: number) => string, head = ""): Job =>
    (size) => {
      const page = Buffer.from(head + Array.from({ length: size }, (_, i) => line(i)).join("") + end);
      return () => parseExposition(page, options);
    };
  return [
    ["one family", cold((i) => `a{b="${i}",c="x"} ${i}\n`, "# TYPE a gauge\n")],
    ["one family each", cold((i) => `# TYPE a${i} gauge\na${i} 1\n`)],
    [
      "histograms",
      cold((i) => `h_bucket{i="${i}",le="1"} 1\nh_bucket{i="${i}",le="+Inf"} 2\n`, "# TYPE h histogram\n"),
    ],
    ["suffixes", (size) => cold(() => `a${"_sum_count".repeat(size * 8)} 1\n`)(1)],
    ["one long value", (size) => cold(() => `a{b="${"\\n\\\\x".repeat(size * 16)}"} 1\n`)(1)],
    ["one long help", (size) => cold(() => `# HELP a ${"\\n\\\\x".repeat(size * 16)}\na 1\n`)(1)],
    ["one long number", (size) => cold(() => `a ${"1".repeat(size * 16)}e-${size * 16}\n`)(1)],
    ["known lines in another order", (size) => shuffled(size, end, options)],
  ];
}

/** A second page whose lines come the other way round, so that no guess is right. */
function shuffled(size: number, end: string, options: { format: ExpositionFormat }): () => unknown {
  const lines = Array.from({ length: size }, (_, i) => `a{b="${i}"} ${i}\n`);
  const page = Buffer.from(lines.join("") + end);
  const other = Buffer.from(lines.toReversed().join("") + end);
  return () => {
    const parser = createExpositionParser(options);
    return [page, other, page].map((each) => parser.parse(each).length);
  };
}

function withFamilies(
  size: number,
  run: (families: readonly MetricFamily[]) => () => unknown,
): () => unknown {
  const dictionary = createSeriesDictionary();
  const perFamily = 10;
  return run(
    Array.from({ length: size / perFamily }, (_, f) => {
      const series = Array.from({ length: perFamily }, (_, s) =>
        dictionary.intern(`family_${f}`, [{ name: "s", value: String(s) }]),
      );
      const values = series.map((_, s) => f + s / 4);
      const timestampsMs = series.map(() => 1_759_701_600_000);
      return { name: `family_${f}`, type: "gauge", help: "Help.", unit: "", series, values, timestampsMs };
    }),
  );
}

/** Half as many sessions as there are frames, all running before the first one exits. */
function sessionsAtOnce(size: number): () => unknown {
  const dictionary = createSeriesDictionary();
  const family = (name: string, type: "counter" | "gauge", value: number) => {
    const columns = { series: [dictionary.intern(name, [])], values: [value], timestampsMs: [Number.NaN] };
    return { name, type, help: "", unit: "", ...columns };
  };
  const buckets = ["1", "5", "+Inf"].map((le) => dictionary.intern("h_bucket", [{ name: "le", value: le }]));
  const histogram = (value: number): MetricFamily => {
    const series = [...buckets, dictionary.intern("h_sum", []), dictionary.intern("h_count", [])];
    const columns = { series, values: series.map(() => value), timestampsMs: series.map(() => Number.NaN) };
    return { name: "h", type: "histogram", help: "", unit: "", ...columns };
  };
  const frames = Array.from({ length: size }, (_, i): Frame => {
    const session = (i % (size / 2)).toString(16).padStart(8, "0");
    const exit = i >= size / 2;
    const header = {
      writtenMs: i + 1,
      session,
      seq: Number(exit),
      kind: "full",
      origin: "app",
      consent: "config",
      exit,
    };
    const families = [family("x_total", "counter", i + 1), family("g", "gauge", i), histogram(i + 1)];
    return { header: header as Frame["header"], info: { startedMs: 0, intervalMs: size }, families };
  });
  return () => {
    const totals = createTotals({ project: ({ name, labels }) => ({ name, labels }) });
    return frames.map((frame) => totals.step([frame]).length);
  };
}
