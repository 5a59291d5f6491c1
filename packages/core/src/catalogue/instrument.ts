import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  type Registry,
} from "prom-client";
import type { CatalogueMetric } from "./catalogue.ts";
import { type CounterCells, createCounterCells } from "./counter-cells.ts";
import { createLabelGuard, type DropReason, type LabelGuard } from "./label-guard.ts";

type Labels = Readonly<Record<string, string>>;

/** Everything that one metric can be asked to do, before its types narrow it. Never throws. */
export interface Recorder {
  inc(...args: readonly unknown[]): void;
  dec(...args: readonly unknown[]): void;
  set(...args: readonly unknown[]): void;
  observe(...args: readonly unknown[]): void;
  startTimer(labels?: unknown): (rest?: unknown) => number;
}

export interface RecorderOptions {
  readonly registry: Registry;
  readonly drop: (reason: DropReason) => void;
  readonly monotonicMs: () => number;
}

/** Registers the metric with prom-client and puts the catalogue's rules before it. */
export function createRecorder(metric: CatalogueMetric, options: RecorderOptions): Partial<Recorder> {
  const { drop, monotonicMs } = options;
  const { name, help } = metric;
  const guards = new Map(
    Object.entries(metric.labels).map(([label, rule]) => [label, createLabelGuard(rule, drop)]),
  );
  const registers = [options.registry];
  const labelNames = [...guards.keys()];

  /** `(labels?, value?)`, or `(value?)` alone, to a checked value with guarded labels. */
  const recording =
    (
      isValid: (value: number) => boolean,
      fallback: number | undefined,
      record: (labels: Labels, value: number) => void,
    ) =>
    (...args: readonly unknown[]): void => {
      try {
        const [first] = args;
        const hasLabels = typeof first === "object" && first !== null;
        const value = (hasLabels ? args[1] : (first ?? args[1])) ?? fallback;
        if (typeof value !== "number" || !isValid(value)) drop("bad_value");
        else record(guardLabels(guards, hasLabels ? first : {}, drop), value);
      } catch {
        drop("error");
      }
    };

  if (metric.type === "counter") {
    const cells = createCounterCells(new PromCounter({ name, help, labelNames, registers }), labelNames);
    const count = counting(cells, guards, drop);
    // The commonest call of all, and prom-client's own takes a few nanoseconds.
    const countOne: Recorder["inc"] = (first, second) => {
      if (first !== undefined || second !== undefined || !cells.addOne()) count(first, second);
    };
    return { inc: labelNames.length === 0 ? countOne : count };
  }
  if (metric.type === "gauge") {
    const gauge = new PromGauge({ name, help, labelNames, registers });
    return {
      set: recording(isNotNaN, undefined, (labels, value) => gauge.set(labels, value)),
      inc: recording(Number.isFinite, 1, (labels, value) => gauge.inc(labels, value)),
      dec: recording(Number.isFinite, 1, (labels, value) => gauge.dec(labels, value)),
    };
  }
  const buckets = [...(metric.buckets ?? [])];
  const histogram = new PromHistogram({ name, help, labelNames, registers, buckets });
  const observe = recording(Number.isFinite, undefined, (labels, value) => histogram.observe(labels, value));
  return {
    observe,
    startTimer(labels = {}) {
      const startMs = monotonicMs();
      return (rest = {}) => {
        const seconds = (monotonicMs() - startMs) / 1000;
        try {
          observe({ ...(labels as Labels), ...(rest as Labels) }, seconds);
        } catch {
          drop("error");
        }
        return seconds;
      };
    },
  };
}

/** As `recording`, but a series that was counted before costs little more than the addition. */
function counting(
  cells: CounterCells,
  guards: ReadonlyMap<string, LabelGuard>,
  drop: (reason: DropReason) => void,
): (first?: unknown, second?: unknown) => void {
  return (first, second) => {
    try {
      const given = typeof first === "object" && first !== null ? first : undefined;
      const value = (given === undefined ? (first ?? second) : second) ?? 1;
      if (typeof value !== "number" || !isAmount(value)) drop("bad_value");
      else if (!cells.inc(given, value)) {
        const labels = guardLabels(guards, given ?? {}, drop);
        const isAsGiven = Object.keys(labels).every(
          (name) => labels[name] === (given as Labels | undefined)?.[name],
        );
        cells.incWhole(labels, value, isAsGiven);
      }
    } catch {
      drop("error");
    }
  };
}

function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function isNotNaN(value: number): boolean {
  return !Number.isNaN(value);
}

function guardLabels(
  guards: ReadonlyMap<string, LabelGuard>,
  given: object,
  drop: (reason: DropReason) => void,
): Labels {
  const labels: Record<string, string> = {};
  for (const [name, guard] of guards) labels[name] = guard((given as Labels)[name]);
  for (const name of Object.keys(given)) if (!guards.has(name)) drop("bad_label");
  return labels;
}
