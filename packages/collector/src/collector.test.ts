import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { catalogueFromJson, counter, defineMetrics, gauge } from "@promferry/core";
import { type JournalFs, nodeJournalFs, openJournal } from "@promferry/core/journal";
import { type ConsentRecord, type Filter, writeConsent } from "@promferry/privacy";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { expect, type TestContext, test } from "vitest";
import { type Collector, type CollectorOptions, createCollector } from "./index.ts";

const START = Date.UTC(2025, 9, 6, 14, 30);

async function directory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-collector-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return join(dir, "metrics");
}

interface Setting {
  readonly dir: string;
  readonly collector: Collector;
  readonly clock: { wallMs: number; monotonicMs: number };
  /** What the collector planned, the latest last. */
  readonly planned: { run: () => void; delayMs: number; cancelled: boolean }[];
  advance(ms: number): void;
}

async function setUp(context: TestContext, options: Partial<CollectorOptions>): Promise<Setting> {
  const dir = await directory(context);
  const clock = { wallMs: START, monotonicMs: 0 };
  const planned: Setting["planned"] = [];
  const collector = createCollector({
    dir,
    app: "k1",
    env: {},
    consent: { config: { enabled: true } },
    dayBoundary: "utc",
    now: () => clock.wallMs,
    monotonicMs: () => clock.monotonicMs,
    random: () => 0,
    schedule: (run, delayMs) => {
      const plan = { run, delayMs, cancelled: false };
      planned.push(plan);
      return () => {
        plan.cancelled = true;
      };
    },
    ...options,
  });
  context.onTestFinished(() => collector.stop());
  const advance = (ms: number) => {
    clock.wallMs += ms;
    clock.monotonicMs += ms;
  };
  return { dir, collector, clock, planned, advance };
}

/** Each frame's header fields of interest, and its samples as `name{label} value`. */
async function framesIn(dir: string) {
  const journal = openJournal(dir, { now: () => START + 10 * 86_400_000 });
  const { frames } = await journal.index();
  return Promise.all(
    frames.map(async (ref) => {
      const { header, info, families } = await journal.read(ref);
      const samples = families.flatMap(({ series, values }) =>
        series.map(({ name, labels }, i) => {
          const set = labels.map((label) => `${label.name}=${label.value}`).join(",");
          return `${name}${set && `{${set}}`} ${values[i]}`;
        }),
      );
      return { header, info, samples };
    }),
  );
}

function views(): { registry: Registry; views: Counter<"screen"> } {
  const registry = new Registry();
  const labelNames = ["screen"] as const;
  return {
    registry,
    views: new Counter({ name: "k1_views_total", help: "Screens.", labelNames, registers: [registry] }),
  };
}

test("of a label's values the first ones are written in the collector's life, and all others as other", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, advance } = await setUp(context, { registry, maxLabelValues: 2 });
  await collector.start();
  for (const screen of ["pods", "nodes", "jobs"]) shown.inc({ screen });
  advance(300_000);
  await collector.stop();
  shown.remove({ screen: "pods" });
  for (const screen of ["events", "nodes"]) shown.inc({ screen });
  advance(1000);
  await collector.start();
  await collector.flush();
  const frames = await framesIn(dir);
  expect(frames.map(({ samples }) => samples)).toEqual([
    [],
    ["k1_views_total{screen=pods} 1", "k1_views_total{screen=nodes} 1", "k1_views_total{screen=other} 1"],
    ["k1_views_total{screen=nodes} 2", "k1_views_total{screen=other} 2"],
    ["k1_views_total{screen=nodes} 2", "k1_views_total{screen=other} 2"],
  ]);
  expect(() => createCollector({ registry, dir, app: "k1", maxLabelValues: 0 })).toThrow(RangeError);
});

test("a session is a start frame, full frames and an exit frame, at the session's time", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, advance } = await setUp(context, { registry, version: "1.2.0" });
  await collector.start();
  shown.inc({ screen: "pods" }, 3);
  advance(300_000);
  expect(await collector.flush()).toMatchObject({
    seq: 1,
    writtenMs: START + 300_000,
    file: "2025-10-06.prom",
  });
  shown.inc({ screen: "nodes" });
  advance(1000);
  await collector.stop();
  const frames = await framesIn(dir);
  expect(
    frames.map(({ header: { kind, exit, writtenMs }, samples }) => ({
      kind,
      exit,
      at: writtenMs - START,
      samples,
    })),
  ).toEqual([
    { kind: "start", exit: false, at: 0, samples: [] },
    { kind: "full", exit: false, at: 300_000, samples: ["k1_views_total{screen=pods} 3"] },
    {
      kind: "full",
      exit: true,
      at: 301_000,
      samples: ["k1_views_total{screen=pods} 3", "k1_views_total{screen=nodes} 1"],
    },
  ]);
  expect(frames[0]?.header).toMatchObject({ origin: "app", consent: "config" });
  const { platform: os, arch } = process;
  expect(frames[2]?.info).toEqual({
    app: "k1",
    version: "1.2.0",
    os,
    arch,
    startedMs: START,
    intervalMs: 300_000,
  });
});

test("frames are planned one at a time, up to a tenth of the interval early", async (context) => {
  const { registry } = views();
  const { dir, collector, planned } = await setUp(context, { registry, random: () => 0.5 });
  await collector.start();
  planned[0]?.run();
  await expect.poll(() => planned.length).toBe(2);
  expect(planned.map(({ delayMs }) => delayMs)).toEqual([285_000, 285_000]);
  await collector.stop();
  expect(planned[1]?.cancelled).toBe(true);
  expect((await framesIn(dir)).map(({ header }) => header.kind)).toEqual(["start", "full", "full"]);
});

for (const { name, options } of [
  { name: "nobody said yes", options: { consent: {} } },
  { name: "DO_NOT_TRACK is set", options: { env: { DO_NOT_TRACK: "1" } } },
  { name: "K1_TELEMETRY=off", options: { env: { K1_TELEMETRY: "off" } } },
  { name: "the configuration says no", options: { consent: { config: { enabled: false } } } },
] as const) {
  test(`nothing is written, planned or listened for when ${name}`, async (context) => {
    const listeners = () =>
      ["exit", "SIGINT", "SIGTERM", "SIGHUP"].map((event) => process.listenerCount(event));
    const before = listeners();
    const { dir, collector, planned } = await setUp(context, { registry: views().registry, ...options });
    await collector.start();
    expect(await collector.flush()).toBeUndefined();
    expect(listeners()).toEqual(before);
    await collector.stop();
    expect(collector.consent().state).toBe("off");
    expect(planned).toEqual([]);
    await expect(stat(dir)).rejects.toThrow("ENOENT");
  });
}

test("a run that only a flag allows says so in its frames", async (context) => {
  const consent = { flag: true };
  const { dir, collector } = await setUp(context, {
    registry: views().registry,
    consent,
    env: { DO_NOT_TRACK: "1" },
  });
  await collector.start();
  expect((await framesIn(dir))[0]?.header.consent).toBe("flag");
});

function catalogued() {
  return defineMetrics(
    { namespace: "k1" },
    {
      views: counter({ name: "views_total", help: "Screens.", labels: { screen: ["pods", "nodes"] } }),
      objects: gauge({ name: "objects", help: "Held.", labels: {}, merge: "sum" }),
    },
  );
}

test("with a catalogue only what it names is written", async (context) => {
  const metrics = catalogued();
  new Counter({
    name: "k1_secret_total",
    help: "Not in the catalogue.",
    registers: [metrics.registry],
  }).inc();
  const { dir, collector } = await setUp(context, { catalogue: metrics });
  await collector.start();
  metrics.views.inc({ screen: "pods" });
  metrics.views.inc({ screen: "my-own-pod-7f9c" as "pods" });
  metrics.objects.set(12);
  await collector.flush();
  const frame = (await framesIn(dir)).at(-1);
  expect(frame?.samples).toEqual([
    "k1_dropped_series_total{reason=unknown_value} 1",
    "k1_views_total{screen=pods} 1",
    "k1_views_total{screen=other} 1",
    "k1_objects 12",
  ]);
  expect(frame?.info.gauges).toEqual({ k1_objects: { sessions: "sum", labels: "sum" } });
  expect(collector.status().withheld).toEqual([{ reason: "not in the catalogue", series: 1 }]);
});

test("the catalogue lies beside the day files, for its owner only, under the name that frames give", async (context) => {
  const metrics = catalogued();
  const { dir, collector } = await setUp(context, {
    registry: metrics.registry,
    catalogue: metrics.catalogue,
  });
  await collector.start();
  await collector.flush();
  const { info } = (await framesIn(dir)).at(-1)!;
  const path = join(dir, `catalog-${info.catalog}.json`);
  expect(catalogueFromJson(await readFile(path, "utf8"))).toEqual(metrics.catalogue);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readdir(dir)).sort()).toEqual(["2025-10-06.prom", `catalog-${info.catalog}.json`]);
});

test("labels that name infrastructure are not written, and their series are merged", async (context) => {
  const registry = new Registry();
  const labelNames = ["cluster_name", "verb"];
  const calls = new Counter({ name: "calls_total", help: "Calls.", labelNames, registers: [registry] });
  calls.inc({ cluster_name: "prod", verb: "get" }, 2);
  calls.inc({ cluster_name: "stage", verb: "get" }, 3);
  const { dir, collector } = await setUp(context, { registry });
  await collector.start();
  await collector.flush();
  expect((await framesIn(dir)).at(-1)?.samples).toEqual(["calls_total{verb=get} 5"]);
});

test("a series with a label called __name__ is withheld, and costs the others nothing", async (context) => {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: "odd", help: "Odd.", labelNames: ["__name__"], registers }).set({ __name__: "even" }, 1);
  new Gauge({ name: "plain", help: "Plain.", registers }).set(2);
  const { dir, collector } = await setUp(context, { registry });
  await collector.start();
  await collector.flush();
  expect((await framesIn(dir)).at(-1)?.samples).toEqual(["plain 2"]);
  expect(collector.status().withheld).toEqual([{ reason: "a label called __name__", series: 1 }]);
});

test("a plain registry's gauges keep their aggregator as a rule", async (context) => {
  const registry = new Registry();
  new Gauge({ name: "heap_bytes", help: "Heap.", aggregator: "max", registers: [registry] }).set(1);
  const { dir, collector } = await setUp(context, { registry });
  await collector.start();
  expect((await framesIn(dir))[0]?.info.gauges).toEqual({ heap_bytes: { sessions: "max" } });
});

test("asynchronous values are waited for", async (context) => {
  const registry = new Registry();
  new Gauge({
    name: "queue_length",
    help: "Length.",
    registers: [registry],
    async collect() {
      await new Promise(setImmediate);
      this.set(42);
    },
  });
  const { dir, collector } = await setUp(context, { registry });
  await collector.start();
  await collector.flush();
  expect((await framesIn(dir)).at(-1)?.samples).toEqual(["queue_length 42"]);
});

test("a short run lists only what was counted, and every gauge", async (context) => {
  const { registry, views: shown } = views();
  const buckets = [1, 2];
  new Histogram({ name: "untouched_seconds", help: "Never.", buckets, registers: [registry] });
  new Histogram({ name: "draw_seconds", help: "Draw.", buckets, registers: [registry] }).observe(1.5);
  new Gauge({ name: "open", help: "Open.", registers: [registry] });
  shown.inc({ screen: "pods" }, 0);
  const { dir, collector } = await setUp(context, { registry });
  await collector.start();
  await collector.stop();
  expect((await framesIn(dir)).at(-1)?.samples).toEqual([
    "draw_seconds_bucket{le=1} 0",
    "draw_seconds_bucket{le=2} 1",
    "draw_seconds_bucket{le=+Inf} 1",
    "draw_seconds_sum 1.5",
    "draw_seconds_count 1",
    "open 0",
  ]);
});

test("a collector that is started again counts on, not from zero", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, advance } = await setUp(context, { registry });
  shown.inc({ screen: "pods" }, 5);
  await collector.start();
  await collector.stop();
  advance(1000);
  await collector.start();
  const frames = await framesIn(dir);
  expect(frames.map(({ header }) => header.kind)).toEqual(["start", "full", "full"]);
  expect(new Set(frames.map(({ header }) => header.session)).size).toBe(2);
});

test("a collector that is started while it stops counts nothing twice", async (context) => {
  const { registry, views: shown } = views();
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  let calls = 0;
  const collect = () => (calls++ === 0 ? slow : undefined);
  new Gauge({ name: "slow", help: "Slow the first time.", registers: [registry], collect });
  const { dir, collector } = await setUp(context, { registry, filter: onlyViews });
  await collector.start();
  shown.inc({ screen: "pods" }, 5);
  const stopped = collector.stop();
  const started = collector.start();
  await new Promise(setImmediate);
  shown.inc({ screen: "pods" }, 2);
  release();
  await Promise.all([stopped, started]);
  const frames = await framesIn(dir);
  expect(frames.map(({ header: { kind, exit }, samples }) => `${kind} ${exit} ${samples}`).sort()).toEqual([
    "full false k1_views_total{screen=pods} 7",
    "full true k1_views_total{screen=pods} 7",
    "start false ",
  ]);
});

test("stop waits for a stop under way", async (context) => {
  const { registry } = views();
  const { dir, collector } = await setUp(context, { registry });
  await collector.start();
  void collector.stop();
  await collector.stop();
  expect((await framesIn(dir)).map(({ header }) => header.exit)).toEqual([false, true]);
});

test("a wall clock that was moved opens another session", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, clock, advance } = await setUp(context, { registry });
  await collector.start();
  const { session } = collector.status();
  shown.inc({ screen: "pods" });
  advance(300_000);
  clock.wallMs += 86_400_000;
  await collector.flush();
  expect(collector.status().session).not.toBe(session);
  const frames = await framesIn(dir);
  expect(frames.map(({ header: { kind, exit }, samples }) => [kind, exit, samples.length])).toEqual([
    ["start", false, 0],
    ["full", true, 1],
    ["full", false, 1],
  ]);
});

const onlyViews: Filter = ({ name, labels }) =>
  name === "k1_views_total" ? { name, labels } : { withheld: "not of interest" };

/** Every opening fails while `broken` holds a code. */
function breakable() {
  const state: { broken: string | undefined } = { broken: undefined };
  const check = () => {
    const { broken: code } = state;
    if (code !== undefined) throw Object.assign(new Error(`${code}: as the test wants it`), { code });
  };
  const fs: JournalFs = {
    ...nodeJournalFs,
    openAppend: async (path) => {
      check();
      return nodeJournalFs.openAppend(path);
    },
    openAppendSync: (path) => {
      check();
      return nodeJournalFs.openAppendSync(path);
    },
  };
  return { state, fs };
}

for (const code of ["ENOSPC", "EIO", "EROFS", "EMFILE", "EACCES"]) {
  test(`${code} does not reach the host, is counted, and passes`, async (context) => {
    const { registry, views: shown } = views();
    const { state, fs } = breakable();
    const told: string[] = [];
    const onError = (error: Error) => {
      told.push(error.message);
      throw new Error("the host's handler is at fault, too");
    };
    const { dir, collector } = await setUp(context, { registry, fs, onError });
    state.broken = code;
    await collector.start();
    shown.inc({ screen: "pods" });
    expect(await collector.flush()).toBeUndefined();
    expect(collector.status()).toMatchObject({ written: 0, failed: 2, lastError: { name: "JournalError" } });
    expect(told).toEqual([expect.stringContaining(code), expect.stringContaining(code)]);

    state.broken = undefined;
    expect(await collector.flush()).toMatchObject({ seq: 2 });
    const frames = await framesIn(dir);
    expect(frames.map(({ header, samples }) => [header.kind, samples.length])).toEqual([
      ["start", 0],
      ["full", 1],
    ]);
  });
}

test("a directory that can't be made does not reach the host", async (context) => {
  const place = await directory(context);
  await writeFile(place, "");
  const { collector } = await setUp(context, { registry: views().registry, dir: join(place, "metrics") });
  await collector.start();
  await collector.stop();
  expect(collector.status()).toMatchObject({ written: 0, failed: 2 });
});

test("a metric of another library does not reach the host", async (context) => {
  const registry = { getMetricsAsArray: () => [{ name: "odd", type: "counter" }], contentType: "text/plain" };
  const { collector } = await setUp(context, { registry });
  await collector.start();
  expect(await collector.flush()).toBeUndefined();
  expect(collector.status().lastError?.message).toContain("prom-client 15");
});

for (const { name, options, message } of [
  { name: "a registry", options: {}, message: "expected a registry" },
  {
    name: "an interval",
    options: { registry: new Registry(), intervalMs: 0 },
    message: "intervalMs: expected",
  },
]) {
  test(`a collector without ${name} is the caller's mistake`, () => {
    expect(() => createCollector({ dir: "/nowhere", app: "k1", ...options })).toThrow(message);
  });
}

const enabled: ConsentRecord = { choice: "enabled", decidedAtMs: 1, decidedBy: "a test" };
const disabled: ConsentRecord = { choice: "disabled", decidedAtMs: 2, decidedBy: "a test" };

/** Kind, consent and samples of each frame, sessions numbered in the order in which they come. */
async function sessionsIn(dir: string): Promise<string[]> {
  const sessions: string[] = [];
  return (await framesIn(dir)).map(({ header: { session, seq, kind, consent }, samples }) => {
    if (!sessions.includes(session)) sessions.push(session);
    return `${sessions.indexOf(session)}.${seq} ${kind} ${consent}: ${samples.join()}`;
  });
}

test("enable is a yes, and disable stops a running program with its next frame, without an exit frame", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, planned, advance } = await setUp(context, { registry, consent: {} });
  await writeConsent(dir, enabled);
  await collector.start();
  shown.inc({ screen: "pods" });
  await collector.flush();
  await writeConsent(dir, disabled);
  shown.inc({ screen: "pods" });
  advance(1000);
  expect(await collector.flush()).toBeUndefined();
  expect(await collector.flush()).toBeUndefined();
  await collector.stop();
  expect(collector.consent()).toMatchObject({ state: "off" });
  expect(collector.status()).toMatchObject({ failed: 0, written: 2 });
  expect(collector.status().session).toBeUndefined();
  expect(planned.every(({ cancelled }) => cancelled)).toBe(true);
  expect(await sessionsIn(dir)).toEqual([
    "0.0 start enabled: ",
    "0.1 full enabled: k1_views_total{screen=pods} 1",
  ]);
});

test("a no that was taken back before the next frame begins a session that doesn't count what was before", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, advance } = await setUp(context, { registry, consent: {} });
  await writeConsent(dir, enabled);
  await collector.start();
  shown.inc({ screen: "pods" }, 5);
  await writeConsent(dir, { ...enabled, decidedAtMs: 3 });
  advance(1000);
  expect(await collector.flush()).toMatchObject({ seq: 0 });
  // No start frame: what the session shows first is where it counts from.
  expect((await sessionsIn(dir)).at(-1)).toBe("1.0 full enabled: k1_views_total{screen=pods} 5");
});

test("consent after the first start counts from there", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector } = await setUp(context, { registry, consent: {} });
  await collector.start();
  shown.inc({ screen: "pods" }, 5);
  await writeConsent(dir, enabled);
  await collector.start();
  expect(await sessionsIn(dir)).toEqual(["0.0 full enabled: k1_views_total{screen=pods} 5"]);
});

test("after forget a running program begins anew where its user still says yes, with its catalogue", async (context) => {
  const metrics = catalogued();
  const { dir, collector } = await setUp(context, { catalogue: metrics });
  await collector.start();
  await collector.flush();
  const [before] = await framesIn(dir);
  for (const name of await readdir(dir)) await rm(join(dir, name));
  metrics.views.inc({ screen: "pods" });
  expect(await collector.flush()).toMatchObject({ seq: 0 });
  const [after] = await framesIn(dir);
  expect(after?.header).toMatchObject({ seq: 0, kind: "full", consent: "config" });
  expect(after?.header.session).not.toBe(before?.header.session);
  expect(await readdir(dir)).toContain(`catalog-${after?.info.catalog}.json`);
});

test("a session goes on after its day file was compressed, as after a machine slept for days", async (context) => {
  const { registry, views: shown } = views();
  const { dir, collector, advance } = await setUp(context, { registry });
  await collector.start();
  shown.inc({ screen: "pods" });
  const day = join(dir, "2025-10-06.prom");
  await writeFile(`${day}.gz`, gzipSync(await readFile(day)));
  await rm(day);
  advance(3 * 86_400_000);
  expect(await collector.flush()).toMatchObject({ seq: 1, file: "2025-10-09.prom" });
});

for (const { name, spoil, failed } of [
  {
    name: "a damaged consent file ends the session",
    spoil: (path: string) => writeFile(path, "{"),
    failed: 0,
  },
  {
    name: "a consent file that can't be read costs the frame, and not the session",
    spoil: async (path: string) => {
      await rm(path);
      await mkdir(path);
    },
    failed: 1,
  },
]) {
  test(name, async (context) => {
    const { dir, collector } = await setUp(context, { registry: views().registry, consent: {} });
    await writeConsent(dir, enabled);
    await collector.start();
    await spoil(join(dir, "consent.json"));
    expect(await collector.flush()).toBeUndefined();
    expect(collector.status()).toMatchObject({ written: 1, failed });
    await rm(join(dir, "consent.json"), { recursive: true });
    await writeConsent(dir, enabled);
    expect((await collector.flush())?.seq).toBe(failed === 0 ? undefined : 1);
  });
}

test("what a new version's catalogue adds is withheld until it is agreed to", async (context) => {
  const agreed = catalogued().catalogue;
  const metrics = defineMetrics(
    { namespace: "k1" },
    {
      views: counter({
        name: "views_total",
        help: "Screens.",
        labels: { screen: ["pods", "nodes"], mode: ["dark", "light"] },
      }),
      clicks: counter({ name: "clicks_total", help: "Clicks." }),
    },
  );
  const { dir, collector, advance } = await setUp(context, { catalogue: metrics, consent: {} });
  await writeConsent(dir, { ...enabled, agreed });
  await collector.start();
  metrics.views.inc({ screen: "pods", mode: "dark" });
  metrics.clicks.inc();
  await collector.flush();
  expect((await framesIn(dir)).at(-1)?.samples).toEqual(["k1_views_total{screen=pods} 1"]);
  expect(collector.status().withheld).toEqual([{ reason: "not agreed to yet", series: 1 }]);
  await writeConsent(dir, { ...enabled, decidedAtMs: 5, agreed: metrics.catalogue });
  advance(1000);
  expect(await collector.flush()).toMatchObject({ seq: 0 });
  expect((await framesIn(dir)).at(-1)?.samples).toEqual([
    "k1_views_total{mode=dark,screen=pods} 1",
    "k1_clicks_total 1",
  ]);
});
