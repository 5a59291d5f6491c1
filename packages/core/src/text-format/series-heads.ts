import type { Series } from "../series/series.ts";
import { writeSeries } from "./escape.ts";

/** What the lines of a family's series begin with, name and labels, as bytes. */
interface FamilyHeads {
  readonly series: readonly Series[];
  readonly bytes: Buffer;
  /** By series: where its bytes end; those of the next one begin there. */
  readonly ends: readonly number[];
}

/** The heads of one family for rows that are asked for in order. */
export interface HeadRows {
  readonly bytes: Buffer;
  readonly ends: readonly number[];
  /** By row: which of the heads it is; `undefined` where row and head have the same number. */
  readonly places: readonly number[] | undefined;
}

/**
 * Keeps the heads of the last page's series, so that the next page of the same series copies bytes. Series are told by
 * identity and found by their order, which is that of the last page or leaves some of it out.
 */
export interface SeriesHeads {
  /**
   * @param family Under which name they are kept.
   * @param isWhole Whether series that are not among these may be forgotten.
   */
  rowsOf(family: string, series: readonly Series[], isWhole: boolean): HeadRows;
  /** Forgets the families that were not asked for since the last time. */
  forgetOthers(): void;
}

/** @param onNew Called once for each series that is not known; may refuse it. */
export function createSeriesHeads(onNew?: (family: string, series: Series) => void): SeriesHeads {
  let known = new Map<string, FamilyHeads>();
  let asked = new Map<string, FamilyHeads>();

  function render(family: string, series: readonly Series[], before: FamilyHeads | undefined): FamilyHeads {
    const places = before && new Map(before.series.map((each, i) => [each, i]));
    const ends: number[] = [];
    const parts: Buffer[] = [];
    let end = 0;
    for (const each of series) {
      const place = places?.get(each);
      if (place === undefined) onNew?.(family, each);
      const part =
        place === undefined
          ? Buffer.from(writeSeries(each.name, each.labels))
          : before!.bytes.subarray(place === 0 ? 0 : before!.ends[place - 1]!, before!.ends[place]!);
      parts.push(part);
      end += part.length;
      ends.push(end);
    }
    return { series, bytes: Buffer.concat(parts, end), ends };
  }

  return {
    rowsOf(family, series, isWhole) {
      const before = asked.get(family) ?? known.get(family);
      const isShrunk = isWhole && before !== undefined && 2 * series.length < before.series.length;
      const places = before && !isShrunk ? placesIn(before.series, series) : null;
      if (before !== undefined && places !== null) {
        asked.set(family, before);
        return { bytes: before.bytes, ends: before.ends, places };
      }
      const all = isWhole || before === undefined ? series : [...new Set([...before.series, ...series])];
      const made = render(family, all, before);
      asked.set(family, made);
      // In an order that is not that of the last page a series may stand anywhere.
      const order = isWhole ? undefined : new Map(made.series.map((each, i) => [each, i]));
      return { bytes: made.bytes, ends: made.ends, places: order && series.map((each) => order.get(each)!) };
    },
    forgetOthers() {
      known = asked;
      asked = new Map();
    },
  };
}

/** Null where they do not stand there in this order; undefined where they are the same ones. */
function placesIn(known: readonly Series[], series: readonly Series[]): readonly number[] | undefined | null {
  if (known === series) return undefined;
  let same = 0;
  while (same < series.length && known[same] === series[same]) same++;
  if (same === series.length) return undefined;
  const places: number[] = [];
  let place = 0;
  for (const each of series) {
    while (place < known.length && known[place] !== each) place++;
    if (place === known.length) return null;
    places.push(place++);
  }
  return places;
}
