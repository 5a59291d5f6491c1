import type { Batch, Destination } from "@promferry/core/delivery";
import type { SampleValue } from "@promferry/core/series";
import { Breach } from "../fault.ts";
import type { SampleSet } from "./expected-samples.ts";
import { textOf } from "./program.ts";

/** What came to a receiver that keeps everything, and whether anything came that should not have. */
export interface ReceiverMemory {
  /** One request's samples, `series@time` and value, in their order. Never throws: the sender would take it for a failure. */
  take(samples: readonly (readonly [id: string, value: number])[]): void;
  /** @throws {Breach} Something came that should not have. */
  check(): void;
  /** Says that the sender has made sure of the last request: it will not be sent again. */
  settleLast(): void;
  readonly samples: SampleSet;
  /** Time of the newest sample; what is written for a time before it comes late. */
  readonly newestMs: number;
  readonly requests: number;
  /** Requests that came a second time, byte for byte. */
  readonly repeated: number;
  /** The last sample's value of each series but gauges. */
  totals(): Map<string, number>;
}

/**
 * A second copy of a sample is a breach, unless its whole request is the last one once more: that one
 * was in doubt. So is a total that falls: whoever reads it takes that for a restart.
 */
export function createReceiverMemory(): ReceiverMemory {
  const samples = new Map<string, number>();
  const newest = new Map<string, { atMs: number; value: number }>();
  const problems: string[] = [];
  let last: string | undefined;
  let requests = 0;
  let repeated = 0;
  return {
    samples,
    get newestMs() {
      return Math.max(...[...newest.values()].map(({ atMs }) => atMs));
    },
    get requests() {
      return requests;
    },
    get repeated() {
      return repeated;
    },
    take(list) {
      requests++;
      const text = JSON.stringify(list);
      if (text === last) {
        repeated++;
        return;
      }
      last = text;
      for (const [id, value] of list) {
        if (samples.has(id)) {
          problems.push(`${id} was sent twice (${samples.get(id)}, then ${value}), by requests that differ`);
        }
        samples.set(id, value);
        const [series, atMs] = splitId(id);
        const before = newest.get(series);
        if (before === undefined || atMs > before.atMs) newest.set(series, { atMs, value });
      }
    },
    check() {
      if (problems[0] !== undefined) throw new Breach(problems[0]);
      const inOrder = [...samples].map(([id, value]) => [...splitId(id), value] as const);
      inOrder.sort(([a, aMs], [b, bMs]) => (a === b ? aMs - bMs : a < b ? -1 : 1));
      for (const [i, [series, atMs, value]] of inOrder.entries()) {
        const [before, , was] = inOrder[i - 1] ?? ["", 0, 0];
        if (series === "app_level" || series !== before || value >= was) continue;
        throw new Breach(`the total of ${series} falls from ${was} to ${value} at ${atMs}`);
      }
    },
    settleLast() {
      last = undefined;
    },
    totals: () =>
      new Map([...newest].filter(([series]) => series !== "app_level").map(([id, { value }]) => [id, value])),
  };
}

function splitId(id: string): [series: string, atMs: number] {
  const at = id.lastIndexOf("@");
  return [id.slice(0, at), Number(id.slice(at + 1))];
}

/** Simulated programs have no native histograms; NaN stands for a stale marker. */
function numberOf(value: SampleValue): number {
  return typeof value === "number" ? value : Number.NaN;
}

/** A batch as {@link ReceiverMemory.take} takes it. */
export function samplesOf(batch: Batch): (readonly [string, number])[] {
  return batch.series.flatMap(({ series, timestampsMs, values }) =>
    timestampsMs.map((atMs, i) => [`${textOf(series)}@${atMs}`, numberOf(values[i]!)] as const),
  );
}

/** A destination in this process. `around` runs the delivery and may fail before or after it. */
export function createMemoryDestination(
  memory: ReceiverMemory,
  around: (deliver: () => void) => Promise<void> = async (deliver) => deliver(),
  maxSamples = 40,
): Destination {
  return {
    name: "memory",
    identity: "a receiver in memory",
    keepsHistory: true,
    limits: { maxSamples, maxBytes: 3_000_000 },
    encode: () => ({ requests: [], refused: [] }),
    async send(batch) {
      await around(() => memory.take(samplesOf(batch)));
      return { accepted: batch.sampleCount, refused: [], unknown: 0 };
    },
  };
}
