import { createRequire } from "node:module";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from "prom-client";
import { expect, test } from "vitest";
import type { MetricFamily } from "../series/index.ts";
import { collectRegistry, createGatherMemory, gatherRegistry, type ReadableRegistry } from "./gather.ts";
import { gaugeRules } from "./gauge-rules.ts";

/** The page's lines as `name{sorted labels}` and value, read by a few lines of its own. */
function pageSamples(page: string): readonly (readonly [string, number])[] {
  const samples: [string, number][] = [];
  for (const line of page.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name, braces = "", value] = /^([^{ ]+)(?:\{(.*)\})? (\S+)(?: # .*)?$/.exec(line)!;
    const labels = [...braces.matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)]
      .map(([, label, text]) => [label!, text!.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c))] as const)
      .filter(([, text]) => text !== "")
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const number = value === "Nan" ? Number.NaN : Number(value!.replace("Inf", "Infinity"));
    samples.push([JSON.stringify([name, labels]), number]);
  }
  return samples;
}

function gatheredSamples(families: readonly MetricFamily[]): readonly (readonly [string, number])[] {
  return families.flatMap(({ series, values }) =>
    series.map(({ name, labels }, row) => {
      const pairs = labels.map((label) => [label.name, label.value]);
      return [JSON.stringify([name, pairs]), values[row]!] as const;
    }),
  );
}

function everyKind(registry: Registry): void {
  const registers = [registry];
  const counter = new Counter({
    name: "c_total",
    help: 'Counts\\ "this"\nand that.',
    labelNames: ["a", "b"],
    registers,
  });
  counter.inc({ a: "x", b: 'q"uo\\te\n' }, 3);
  counter.inc({ b: "y" }, 0.1);
  counter.inc({ a: "" });
  new Counter({ name: "plain_total", help: "No labels.", registers });
  const gauge = new Gauge({ name: "g", help: "Goes up and down.", labelNames: ["n"], registers });
  gauge.set({ n: 1 }, Number.NaN);
  gauge.set({ n: 2 }, Number.NEGATIVE_INFINITY);
  gauge.set({ n: 3 }, 1e21);
  const histogram = new Histogram({
    name: "h",
    help: "By size.",
    labelNames: ["a"],
    buckets: [1e-7, 0.5, 1],
    registers,
  });
  for (const value of [0.1, 0.6, 2, 0.5]) histogram.observe({ a: "x" }, value);
  histogram.zero({ a: "y" });
  new Histogram({ name: "h_plain", help: "By size.", registers }).observe(3);
  const summary = new Summary({
    name: "s",
    help: "Quantiles.",
    labelNames: ["a"],
    percentiles: [0.5, 0.99],
    registers,
  });
  for (let i = 1; i <= 10; i++) summary.observe({ a: "x" }, i);
  const aged = { maxAgeSeconds: 60, ageBuckets: 2, pruneAgedBuckets: true };
  new Summary({ name: "s_aged", help: "Nothing yet.", registers, ...aged });
}

test("the contract with prom-client's maps is for this very version", () => {
  expect(createRequire(import.meta.url)("prom-client/package.json").version).toBe("15.1.3");
});

test("gatherRegistry gives what registry.metrics() prints, row for row", async () => {
  const registry = new Registry();
  everyKind(registry);
  registry.setDefaultLabels({ host: "h1", a: "by default" });
  const families = gatherRegistry(registry);
  expect(gatheredSamples(families)).toEqual(pageSamples(await registry.metrics()));
  expect(families.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "c_total counter",
    "plain_total counter",
    "g gauge",
    "h histogram",
    "h_plain histogram",
    "s summary",
    "s_aged summary",
  ]);
  expect(families[0]!.help).toBe('Counts\\ "this"\nand that.');
  expect(families.flatMap(({ timestampsMs }) => timestampsMs).every(Number.isNaN)).toBe(true);
});

test("gatherRegistry has the series of prom-client's default metrics", async () => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const names = (samples: readonly (readonly [string, number])[]) => samples.map(([name]) => name).sort();
  await registry.metrics();
  const gathered = names(gatheredSamples(gatherRegistry(registry)));
  expect(gathered).toEqual(names(pageSamples(await registry.metrics())));
});

test("an OpenMetrics registry gathers counters with _total and exemplars by row", async () => {
  const registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const common = { labelNames: ["a"], registers: [registry], enableExemplars: true };
  const counter = new Counter({ name: "c_total", help: "Counts.", ...common });
  counter.inc({ labels: { a: "x" }, value: 2, exemplarLabels: { trace_id: "t1" } });
  const histogram = new Histogram({ name: "h", help: "By size.", buckets: [1], ...common });
  histogram.observe({ labels: { a: "x" }, value: 5, exemplarLabels: { trace_id: "t2" } });

  const families = gatherRegistry(registry);
  expect(gatheredSamples(families)).toEqual(pageSamples(await registry.metrics()));
  expect(families[0]!.name).toBe("c_total");
  const exemplars = families.flatMap(({ exemplars = new Map() }) => [...exemplars]);
  expect(exemplars).toEqual([
    [
      0,
      [
        {
          labels: [{ name: "trace_id", value: "t1" }],
          value: 2,
          timestampMs: expect.closeTo(Date.now(), -5),
        },
      ],
    ],
    [
      1,
      [
        {
          labels: [{ name: "trace_id", value: "t2" }],
          value: 5,
          timestampMs: expect.closeTo(Date.now(), -5),
        },
      ],
    ],
  ]);
  // Printing the page has renamed prom-client's own metric; the family keeps its name.
  expect(gatherRegistry(registry)[0]!.name).toBe("c_total");
});

test("collect functions run; asynchronous ones are seen when they have completed", async () => {
  const registry = new Registry();
  let reading = 1;
  let answer = (): void => {};
  const sensor = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const registers = [registry];
  new Gauge({
    name: "now",
    help: "Synchronous.",
    registers,
    collect() {
      this.set(reading++);
    },
  });
  new Gauge({
    name: "later",
    help: "Asynchronous.",
    registers,
    async collect() {
      await sensor;
      this.set(7);
    },
  });
  new Gauge({
    name: "broken",
    help: "Throws.",
    registers,
    collect() {
      throw new Error("no sensor");
    },
  });
  const values = (collect: boolean) =>
    gatherRegistry(registry, { collect }).map((family) => family.values[0]);
  expect(values(true)).toEqual([1, 0, 0]);
  answer();
  await collectRegistry(registry);
  expect(values(false)).toEqual([2, 7, 0]);
});

test("series that differ by an empty label only are one, the first", () => {
  const registry = new Registry();
  const counter = new Counter({ name: "c_total", help: "c", labelNames: ["a"], registers: [registry] });
  counter.inc({ a: "" }, 2);
  counter.inc({}, 5);
  expect(gatherRegistry(registry)[0]!.values).toEqual([2]);
});

test("a memory gives the same series objects again", () => {
  const registry = new Registry();
  everyKind(registry);
  const memory = createGatherMemory();
  const series = () => gatherRegistry(registry, { memory }).flatMap((family) => family.series);
  const [first, second] = [series(), series()];
  expect(first.every((one, row) => one === second[row])).toBe(true);
});

test("a metric without prom-client's map is refused by name", () => {
  const stranger = { name: "odd", help: "h", type: "gauge", get: () => ({}) };
  const registry: ReadableRegistry = { getMetricsAsArray: () => [stranger], contentType: "text/plain" };
  expect(() => gatherRegistry(registry)).toThrow(
    new TypeError('metric "odd": expected a metric of prom-client 15, found no value map'),
  );
});

test("gaugeRules reads what a gauge's aggregator says, and sum says nothing", () => {
  const registry = new Registry();
  const registers = [registry];
  for (const aggregator of ["sum", "min", "max", "average", "first", "omit"] as const) {
    new Gauge({ name: `g_${aggregator}`, help: "g", aggregator, registers });
  }
  new Gauge({ name: "g_silent", help: "g", registers });
  new Counter({ name: "c_total", help: "c", aggregator: "max", registers });
  expect(gaugeRules(registry)).toEqual({
    g_min: { sessions: "min" },
    g_max: { sessions: "max" },
    g_average: { sessions: "average" },
    g_first: { sessions: "first" },
    g_omit: { sessions: "omit" },
  });
});

test("with a memory the same is gathered, whatever was set, reset, removed and renamed in between", () => {
  const registry = new Registry();
  everyKind(registry);
  const registers = [registry];
  const gauge = new Gauge({ name: "again", help: "Set again.", labelNames: ["a", "b"], registers });
  const memory = createGatherMemory();
  const reused: Record<string, string> = { a: "1" };
  const changes: (() => void)[] = [
    () => gauge.set({ a: "1", b: "2" }, 1),
    // prom-client takes these two for one.
    () => gauge.set({ a: "1,b:2" }, 2),
    () => gauge.set(reused, 3),
    () => {
      reused["a"] = "2";
    },
    () => gauge.remove({ a: "1", b: "2" }),
    () => gauge.set({ a: "1", b: "2" }, 4),
    () => registry.setDefaultLabels({ zone: "x", a: "default" }),
    () => registry.resetMetrics(),
    () => everyKindAgain(registry),
    () =>
      (registry as { setContentType(type: string): void }).setContentType(Registry.OPENMETRICS_CONTENT_TYPE),
  ];
  for (const change of changes) {
    change();
    for (let n = 0; n < 2; n++)
      expect(gatherRegistry(registry, { memory })).toEqual(gatherRegistry(registry));
  }
  const [one] = gatherRegistry(registry, { memory });
  const [same] = gatherRegistry(registry, { memory });
  expect(one?.series.every((series, row) => series === same?.series[row])).toBe(true);
});

test("a memory lets go of series that are gone, whatever comes and goes", () => {
  const registry = new Registry();
  const gauge = new Gauge({ name: "g", help: "g", labelNames: ["n"], registers: [registry] });
  const memory = createGatherMemory();
  let most = 0;
  for (let i = 0; i < 25_000; i++) {
    gauge.set({ n: i }, i);
    const [family] = gatherRegistry(registry, { memory });
    if (family?.values[0] !== i) expect([i, family?.values]).toBe("its one value");
    gauge.remove({ n: i });
    most = Math.max(most, memory.dictionary.size);
  }
  expect(most).toBeLessThan(10_010);
});

function everyKindAgain(registry: Registry): void {
  registry.clear();
  everyKind(registry);
}
