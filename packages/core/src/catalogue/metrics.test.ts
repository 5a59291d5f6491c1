import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { counter, gauge, histogram, open, pattern } from "./definition.ts";
import { gatherRegistry } from "./gather.ts";
import { defineMetrics } from "./metrics.ts";

const screens = ["pods", "deployments", "nodes"] as const;

function k1(options: { registry?: Registry; monotonicMs?: () => number } = {}) {
  return defineMetrics(
    { namespace: "k1", ...options },
    {
      screenViews: counter({
        name: "screen_views_total",
        help: "Screens opened.",
        labels: { screen: ["pods", "deployments", "nodes"] },
      }),
      renderSeconds: histogram({
        name: "screen_render_duration_seconds",
        help: "Time to draw a screen.",
        labels: { screen: ["pods", "deployments", "nodes"] },
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1],
      }),
      objectsCached: gauge({
        name: "informer_objects_cached",
        help: "Objects held in memory.",
        labels: { resource: open({ max: 2 }) },
        merge: "sum",
      }),
      starts: counter({ name: "starts_total", help: "Starts." }),
      width: gauge({ name: "terminal_width", help: "Columns.", across: { sessions: "max" } }),
      waitSeconds: histogram({
        name: "wait_seconds",
        help: "Waiting.",
        buckets: [1],
        labels: { screen: screens, version: pattern(/v\d+/, { max: 2 }) },
      }),
    },
  );
}

/** Every sample that isn't 0, as `name{labels}` to value. */
function samples(registry: Registry): Record<string, number> {
  const found: Record<string, number> = {};
  for (const family of gatherRegistry(registry)) {
    for (const [row, { name, labels }] of family.series.entries()) {
      if (family.values[row] === 0) continue;
      found[`${name}{${labels.map((label) => `${label.name}=${label.value}`).join()}}`] = family.values[row]!;
    }
  }
  return found;
}

test("defineMetrics records under the namespace, in the registry it is given", () => {
  const registry = new Registry();
  const metrics = k1({ registry, monotonicMs: () => 0 });
  expect(metrics.registry).toBe(registry);

  metrics.screenViews.inc({ screen: "pods" });
  metrics.screenViews.inc({ screen: "pods" }, 2);
  metrics.starts.inc();
  metrics.starts.inc(4);
  metrics.objectsCached.set({ resource: "pods" }, 7);
  metrics.objectsCached.inc({ resource: "pods" });
  metrics.objectsCached.dec({ resource: "pods" }, 3);
  metrics.width.set(80);

  expect(samples(registry)).toEqual({
    "k1_screen_views_total{screen=pods}": 3,
    "k1_starts_total{}": 5,
    "k1_informer_objects_cached{resource=pods}": 5,
    "k1_terminal_width{}": 80,
  });
});

test("defineMetrics leaves prom-client's global registry alone and makes a new one each time", () => {
  const first = k1();
  const second = k1();
  first.starts.inc();
  expect(samples(first.registry)).toEqual({ "k1_starts_total{}": 1 });
  expect(samples(second.registry)).toEqual({});
});

test("a timer observes the seconds between its two calls, with the labels of both", () => {
  let clockMs = 1000;
  const metrics = k1({ monotonicMs: () => clockMs });
  const stopRender = metrics.renderSeconds.startTimer({ screen: "pods" });
  const stopWait = metrics.waitSeconds.startTimer({ screen: "nodes" });
  clockMs += 20;
  expect(stopRender()).toBe(0.02);
  expect(stopWait({ version: "v1" })).toBe(0.02);

  expect(samples(metrics.registry)).toMatchObject({
    "k1_screen_render_duration_seconds_bucket{le=0.025,screen=pods}": 1,
    "k1_screen_render_duration_seconds_sum{screen=pods}": 0.02,
    "k1_wait_seconds_count{screen=nodes,version=v1}": 1,
  });
});

const dropped = (reason: string) => `k1_dropped_series_total{reason=${reason}}`;

for (const { name, act, expected } of [
  {
    name: "a value outside a closed list becomes other",
    act: (m) => m.screenViews.inc({ screen: "secrets" as "pods" }),
    expected: { "k1_screen_views_total{screen=other}": 1, [dropped("unknown_value")]: 1 },
  },
  {
    name: "a label left out counts as a value that is not allowed",
    act: (m) => m.screenViews.inc({} as { screen: "pods" }),
    expected: { "k1_screen_views_total{screen=other}": 1, [dropped("unknown_value")]: 1 },
  },
  {
    name: "labels left out altogether count as values that are not allowed",
    act: (m) => {
      m.screenViews.inc(undefined as unknown as { screen: "pods" });
      m.screenViews.inc(2 as unknown as { screen: "pods" });
      m.objectsCached.inc(4 as unknown as { resource: string });
    },
    expected: {
      "k1_screen_views_total{screen=other}": 3,
      "k1_informer_objects_cached{resource=other}": 4,
      [dropped("unknown_value")]: 3,
    },
  },
  {
    name: "values beyond an open label's cap become other, known ones go on",
    act: (m) => {
      for (const resource of ["a", "b", "c", "a"]) m.objectsCached.inc({ resource });
    },
    expected: {
      "k1_informer_objects_cached{resource=a}": 2,
      "k1_informer_objects_cached{resource=b}": 1,
      "k1_informer_objects_cached{resource=other}": 1,
      [dropped("overflow")]: 1,
    },
  },
  {
    name: "a pattern matches whole values only, and is capped too",
    act: (m) => {
      for (const version of ["v1", "xv1", "v2", "v3"]) m.waitSeconds.observe({ screen: "pods", version }, 0);
    },
    expected: {
      "k1_wait_seconds_bucket{le=1,screen=pods,version=v1}": 1,
      "k1_wait_seconds_bucket{le=1,screen=pods,version=v2}": 1,
      "k1_wait_seconds_bucket{le=1,screen=pods,version=other}": 2,
      [dropped("unknown_value")]: 1,
      [dropped("overflow")]: 1,
    },
  },
  {
    name: "an overlong or broken value becomes other",
    act: (m) => {
      m.objectsCached.inc({ resource: "x".repeat(201) });
      m.objectsCached.inc({ resource: "\ud800" });
    },
    expected: { "k1_informer_objects_cached{resource=other}": 2, [dropped("unknown_value")]: 2 },
  },
  {
    name: "an unknown label is left out",
    act: (m) => m.screenViews.inc({ screen: "pods", cluster: "prod" } as { screen: "pods" }),
    expected: { "k1_screen_views_total{screen=pods}": 1, [dropped("bad_label")]: 1 },
  },
  {
    name: "negative, NaN and infinite increments are not recorded",
    act: (m) => {
      m.starts.inc(-1);
      m.starts.inc(Number.NaN);
      m.screenViews.inc({ screen: "pods" }, Number.POSITIVE_INFINITY);
      m.starts.inc("3" as unknown as number);
    },
    expected: { [dropped("bad_value")]: 4 },
  },
  {
    name: "a gauge takes infinity but neither NaN nor nothing",
    act: (m) => {
      m.width.set(Number.POSITIVE_INFINITY);
      m.width.set(Number.NaN);
      m.width.set(undefined as unknown as number);
      m.width.inc(Number.NaN);
    },
    expected: { "k1_terminal_width{}": Number.POSITIVE_INFINITY, [dropped("bad_value")]: 3 },
  },
  {
    name: "a histogram takes finite values only",
    act: (m) => {
      m.renderSeconds.observe({ screen: "pods" }, Number.NaN);
      m.renderSeconds.observe({ screen: "pods" }, Number.POSITIVE_INFINITY);
    },
    expected: { [dropped("bad_value")]: 2 },
  },
  {
    name: "a label object that throws is counted",
    act: (m) => {
      const trap = {
        get screen(): "pods" {
          throw new Error("no");
        },
      };
      m.screenViews.inc(trap);
      m.renderSeconds.startTimer(trap)();
    },
    expected: { [dropped("error")]: 2 },
  },
] satisfies {
  name: string;
  act: (m: ReturnType<typeof k1>) => void;
  expected: Record<string, number>;
}[]) {
  test(`instrumentation never throws: ${name}`, () => {
    const metrics = k1();
    act(metrics);
    const found = samples(metrics.registry);
    if (name.includes("pattern")) expect(found).toMatchObject(expected);
    else expect(found).toEqual(expected);
  });
}

test("defineMetrics lists everything that is wrong with the definitions", () => {
  const registry = new Registry();
  const define = () =>
    defineMetrics(
      { namespace: "k-1", registry },
      {
        a: counter({ name: "views", help: "" }),
        b: histogram({ name: "wait", help: "w", labels: { le: ["1"] }, buckets: [2, 1] }),
        c: gauge({ name: "wait_sum", help: "s", labels: { x: open({ max: 0 }), __y: [] } }),
      },
    );
  expect(define).toThrow(TypeError);
  for (const part of [
    'namespace "k-1"',
    "help is empty",
    "a counter's name ends in _total",
    'label "le"',
    "buckets: expected finite numbers in ascending order",
    'its sample name "k-1_wait_sum"',
    "max: expected a whole number from 1 to 10000, got 0",
    'label "__y"',
  ]) {
    expect(define).toThrow(part);
  }
  expect(registry.getMetricsAsArray()).toEqual([]);
});

test("defineMetrics refuses names that the registry or the result has already", () => {
  const registry = new Registry();
  defineMetrics({ namespace: "k1", registry }, {});
  expect(() => defineMetrics({ namespace: "k1", registry }, {})).toThrow(
    /k1_dropped_series_total.*registry has one/,
  );
  // @ts-expect-error `registry` is a property of the result
  expect(() => defineMetrics({ namespace: "x" }, { registry: gauge({ name: "g", help: "g" }) })).toThrow(
    /"registry"/,
  );
  expect(() => gauge({ name: "g", help: "g", merge: "sum", across: { labels: "max" } })).toThrow(/not both/);
});

test("label names and closed values are types", () => {
  const metrics = k1();
  const checkedByTheCompiler = () => misuse(metrics);
  expect(checkedByTheCompiler).toBeTypeOf("function");
});

function misuse(metrics: ReturnType<typeof k1>): void {
  // @ts-expect-error not one of the screens
  metrics.screenViews.inc({ screen: "secrets" });
  // @ts-expect-error no such label
  metrics.screenViews.inc({ scren: "pods" });
  // @ts-expect-error one label too many
  metrics.screenViews.inc({ screen: "pods", cluster: "prod" });
  // @ts-expect-error labels are needed
  metrics.screenViews.inc();
  // @ts-expect-error labels are needed
  metrics.screenViews.inc(2);
  // @ts-expect-error this counter has no labels
  metrics.starts.inc({ screen: "pods" });
  // @ts-expect-error a counter isn't set
  metrics.starts.set(1);
  metrics.objectsCached.set({ resource: "anything" }, 1);
  // @ts-expect-error a value is needed
  metrics.objectsCached.set({ resource: "anything" });
  // @ts-expect-error not one of the screens
  metrics.renderSeconds.startTimer({ screen: "secrets" });
  // @ts-expect-error the screen is still missing
  metrics.renderSeconds.startTimer()();
  metrics.renderSeconds.startTimer()({ screen: "pods" });
  // @ts-expect-error the version is still missing
  metrics.waitSeconds.startTimer({ screen: "pods" })();
  metrics.waitSeconds.startTimer({ screen: "pods", version: "v1" })();
  // @ts-expect-error no such label
  metrics.waitSeconds.startTimer({ cluster: "prod" });
  // @ts-expect-error no such metric
  metrics.screenView;
}
