import type { Series } from "./series.ts";

interface Entry<T> {
  readonly series: Series;
  readonly kept: T;
  /** The one that was asked for next the last time. */
  next: Entry<T> | undefined;
}

/**
 * What somebody keeps of each series, made when it is first asked for. Series mostly follow each other as they did the
 * last time: then no look-up is needed. A series is held for as long as somebody else holds it, or the order does.
 */
export class SeriesMemo<T> {
  readonly #make: (series: Series) => T;
  readonly #known = new WeakMap<Series, Entry<T>>();
  #last: Entry<T> | undefined;

  constructor(make: (series: Series) => T) {
    this.#make = make;
  }

  of(series: Series): T {
    const guess = this.#last?.next;
    if (guess?.series === series) {
      this.#last = guess;
      return guess.kept;
    }
    let entry = this.#known.get(series);
    if (entry === undefined) {
      entry = { series, kept: this.#make(series), next: undefined };
      this.#known.set(series, entry);
    }
    if (this.#last) this.#last.next = entry;
    this.#last = entry;
    return entry.kept;
  }
}
