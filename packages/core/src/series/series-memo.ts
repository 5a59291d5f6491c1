import type { Series } from "./series.ts";
import { SeriesMap } from "./series-map.ts";

/** What somebody keeps of each series, made when it is first asked for, in a {@link SeriesMap}. */
export class SeriesMemo<T extends {}> {
  readonly #make: (series: Series) => T;
  readonly #known = new SeriesMap<T>();

  constructor(make: (series: Series) => T) {
    this.#make = make;
  }

  of(series: Series): T {
    let kept = this.#known.get(series);
    if (kept === undefined) {
      kept = this.#make(series);
      this.#known.set(series, kept);
    }
    return kept;
  }
}
