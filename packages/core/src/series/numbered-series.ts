import type { Label, Series } from "./series.ts";

/** A series that its dictionary has numbered, from 0 and without gaps, so that what is kept of it may stand in an array. */
export class NumberedSeries implements Series {
  readonly name: string;
  readonly labels: readonly Label[];
  /** Only told from others: it holds nothing, so that no series holds its dictionary. */
  readonly #owner: object;
  readonly #number: number;
  readonly #head: string | undefined;

  /** @param head The text under which the dictionary was given it, if there was one. */
  constructor(
    name: string,
    labels: readonly Label[],
    owner: object,
    number: number,
    head: string | undefined,
  ) {
    this.name = name;
    this.labels = labels;
    this.#owner = owner;
    this.#number = number;
    this.#head = head;
  }

  /** What all series of its dictionary share; undefined for an object that is of none. */
  static ownerOf(series: Series): object | undefined {
    return #owner in series ? series.#owner : undefined;
  }

  /** Of a series that has an owner. */
  static numberOf(series: Series): number {
    return (series as NumberedSeries).#number;
  }

  static headOf(series: Series): string | undefined {
    return #head in series ? series.#head : undefined;
  }
}
