import { seriesKey } from "../series/dictionary.ts";
import { NumberedSeries } from "../series/numbered-series.ts";
import type { Series } from "../series/series.ts";
import type { Slot } from "./session-state.ts";

/**
 * The slots of one session, in the order in which they were first set. A frame's series mostly follow each other as in the
 * frame before: then a guess finds them. Series of one dictionary are told by identity; only when those of another come, or of
 * none, are there keys.
 */
export class SlotTable {
  readonly #sources: Series[] = [];
  readonly #slots: Slot[] = [];
  readonly #placeOf = new Map<Series, number>();
  /** Of all sources, where they are of one dictionary; then there are no keys. */
  #owner: object | undefined;
  #byKey: Map<string, number> | undefined;
  /** The place of the series that is expected next. */
  #guess = 0;

  /** The slot for a series, whichever dictionary the series comes from. */
  find(source: Series): Slot | undefined {
    const guess = this.#guess;
    const place = this.#sources[guess] === source ? guess : this.#place(source);
    if (place === undefined) return undefined;
    this.#guess = place + 1;
    return this.#slots[place];
  }

  set(source: Series, slot: Slot): void {
    const place = this.#place(source) ?? this.#add(source);
    this.#slots[place] = slot;
    this.#guess = place + 1;
  }

  clear(): void {
    this.#sources.length = 0;
    this.#slots.length = 0;
    this.#placeOf.clear();
    this.#byKey = undefined;
  }

  *values(): Generator<{ readonly source: Series; readonly slot: Slot }, void, undefined> {
    for (let i = 0; i < this.#slots.length; i++) yield { source: this.#sources[i]!, slot: this.#slots[i]! };
  }

  #place(source: Series): number | undefined {
    const place = this.#placeOf.get(source);
    if (place !== undefined || this.#sources.length === 0 || this.#isOfOwner(source)) return place;
    const equal = this.#keys().get(seriesKey(source.name, source.labels));
    if (equal === undefined) return undefined;
    // From now on it comes as this object.
    this.#placeOf.delete(this.#sources[equal]!);
    this.#placeOf.set(source, equal);
    this.#sources[equal] = source;
    return equal;
  }

  #add(source: Series): number {
    const place = this.#sources.length;
    if (place === 0) this.#owner = NumberedSeries.ownerOf(source);
    else if (!this.#isOfOwner(source)) this.#keys().set(seriesKey(source.name, source.labels), place);
    this.#placeOf.set(source, place);
    this.#sources.push(source);
    return place;
  }

  #isOfOwner(source: Series): boolean {
    return (
      this.#byKey === undefined && this.#owner !== undefined && NumberedSeries.ownerOf(source) === this.#owner
    );
  }

  #keys(): Map<string, number> {
    this.#byKey ??= new Map(this.#sources.map(({ name, labels }, place) => [seriesKey(name, labels), place]));
    return this.#byKey;
  }
}
