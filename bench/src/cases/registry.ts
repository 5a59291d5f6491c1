import { createGatherMemory, gatherRegistry } from "@promferry/core";
import { createFrameMemory, encodeFrame } from "@promferry/core/journal";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Comparison } from "../case.ts";
import { seeded } from "../seeded.ts";

const AT_MS = 1_759_752_000_000;

/** As k1 has them, the labels that a whole program has on all of its series. */
const program = {
  user: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  version: "1.14.2",
  os: "linux",
  arch: "x64",
};

/** A fifth counters, a fifth gauges, the rest of the series in histograms of eight bounds. */
function registryOf(seriesCount: number): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(program);
  const registers = [registry];
  const random = seeded(3);
  const labelNames = ["path", "code"];
  const labels = (i: number) => ({ path: `/v1/items/${i}`, code: String(200 + (i % 5)) });
  const fifth = Math.floor(seriesCount / 5);
  const perMetric = 50;
  for (let i = 0; i < fifth; i += perMetric) {
    const counter = new Counter({ name: `c${i}_total`, help: "Counts.", labelNames, registers });
    const gauge = new Gauge({ name: `g${i}`, help: "Goes up and down.", labelNames, registers });
    for (let s = i; s < Math.min(fifth, i + perMetric); s++) {
      counter.inc(labels(s), Math.floor(random() * 1e6));
      gauge.set(labels(s), random() * 1e6);
    }
  }
  const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
  const entries = Math.floor((seriesCount - 2 * fifth) / (buckets.length + 3));
  for (let i = 0; i < entries; i += perMetric) {
    const histogram = new Histogram({
      name: `h${i}_seconds`,
      help: "By size.",
      labelNames,
      buckets,
      registers,
    });
    for (let s = i; s < Math.min(entries, i + perMetric); s++) {
      for (let n = 0; n < 3; n++) histogram.observe(labels(s), random());
    }
  }
  return registry;
}

/** A flush: the registry's values as lines with the time of the flush, ours in a frame with its sum. */
export const flushRegistries: readonly Comparison[] = [2000, 20_000, 200_000].map((seriesCount) => {
  const registry = registryOf(seriesCount);
  const memory = createGatherMemory();
  const frames = createFrameMemory();
  const header = { writtenMs: AT_MS, session: "0badcafe", seq: 1, exit: false } as const;
  return {
    name: `registry/flush-${seriesCount / 1000}k`,
    ours: {
      ops: seriesCount,
      run: () =>
        encodeFrame(
          { ...header, kind: "full", origin: "app", consent: "config" },
          undefined,
          gatherRegistry(registry, { memory }),
          frames,
        ),
    },
    peers: {
      "prom-client metrics()": {
        ops: seriesCount,
        run: async () => Buffer.from((await registry.metrics()).replace(/^([^#\n].*)$/gm, `$1 ${AT_MS}`)),
      },
    },
    targets: seriesCount > 20_000 ? {} : { "prom-client metrics()": 6 },
  };
});
