import type { Counter } from "prom-client";

type Labels = Readonly<Record<string, string>>;

/** A value in prom-client's own map. */
interface Cell {
  readonly hash: string;
  readonly entry: { value: number };
}

type Cells = Map<unknown, Cells | Cell>;

/** Counts up series that were counted before, without checking and hashing their labels once more. */
export interface CounterCells {
  /** Whether it counted. Where not, nothing is known of these labels yet, or something about the call is odd. */
  inc(labels: object | undefined, value: number): boolean;
  /** Adds 1 to the series without labels; whether there was one. */
  addOne(): boolean;
  /** Counts by prom-client's own call, and knows the labels from then on where `isAsGiven`. */
  incWhole(labels: Labels, value: number, isAsGiven: boolean): void;
}

/**
 * Remembers where prom-client 15 keeps each series of a counter. Without it every call pays for a string that names
 * the labels, which costs ten times the count itself (measured). A series that was reset or removed since is
 * found to be another one; the contract test of `gather.ts` holds the map to its version.
 */
export function createCounterCells(counter: Counter<string>, labelNames: readonly string[]): CounterCells {
  const { length } = labelNames;
  const root: Cells = new Map();
  const known = counter as unknown as { readonly hashMap?: Readonly<Record<string, { value: number }>> };

  function find(labels: object): Cell | undefined {
    let at: Cells | Cell | undefined = root;
    for (const name of labelNames) {
      at = (at as Cells).get((labels as Labels)[name]);
      if (at === undefined) return undefined;
    }
    let count = 0;
    for (const _ in labels) count++;
    return count === length ? (at as Cell) : undefined;
  }

  return {
    addOne() {
      const entry = known.hashMap?.[""];
      if (entry === undefined) return false;
      entry.value += 1;
      return true;
    },
    inc(labels, value) {
      const cell = length === 0 || labels === undefined ? undefined : find(labels);
      if (cell === undefined || known.hashMap?.[cell.hash] !== cell.entry) return false;
      cell.entry.value += value;
      return true;
    },
    incWhole(labels, value, isAsGiven) {
      const { labelHash: hash } = counter.inc(labels, value) as unknown as { readonly labelHash: string };
      const entry = known.hashMap?.[hash];
      if (length === 0 || !isAsGiven || entry === undefined) return;
      let at = root;
      for (const name of labelNames.slice(0, -1)) {
        const next = (at.get(labels[name]) as Cells | undefined) ?? new Map();
        at.set(labels[name], next);
        at = next;
      }
      at.set(labels[labelNames.at(-1)!], { hash, entry });
    },
  };
}
