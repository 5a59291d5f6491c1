/** A host with 2,000 series in a prom-client registry, of which 5 % count between two flushes; for the host programs. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

const LABELS = Array.from({ length: 10 }, (_, i) => `resource-${i}`);

/** 100 counters and 30 gauges of ten series, 10 histograms of seven by ten: 2,000 series. */
export function createHost() {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ["resource"];
  const named = (/** @type {string} */ name) => ({ name, help: `What ${name} says.`, labelNames, registers });
  const counters = range(100).map((i) => new Counter(named(`host_operations_${i}_total`)));
  const gauges = range(30).map((i) => new Gauge(named(`host_objects_${i}`)));
  const buckets = [0.01, 0.1, 1, 10];
  const histograms = range(10).map((i) => new Histogram({ ...named(`host_render_${i}_seconds`), buckets }));
  for (const resource of LABELS) {
    for (const counter of counters) counter.inc({ resource }, 1);
    for (const gauge of gauges) gauge.set({ resource }, 1);
    for (const histogram of histograms) histogram.observe({ resource }, 0.5);
  }
  let step = 0;
  return {
    registry,
    /** A tenth of the counters' series count, and nothing else: 5 % of all. */
    work() {
      const resource = LABELS[step++ % LABELS.length] ?? "";
      for (const counter of counters) counter.inc({ resource });
    },
  };
}

/** @param {number} length */
function range(length) {
  return Array.from({ length }, (_, i) => i);
}
