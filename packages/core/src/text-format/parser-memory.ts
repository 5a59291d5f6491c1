import type { MetricType, Series } from "../series/series.ts";
import { SeriesMap } from "../series/series-map.ts";
import type { FamilyDraft } from "./family-draft.ts";
import { type KnownLine, KnownLines } from "./known-lines.ts";
import type { PageReader } from "./page-reader.ts";
import { PlainHead } from "./plain-head.ts";

/** Whether, and when, a series has been seen on the present page. */
export interface SeriesMark {
  readonly series: Series;
  /** The page on which it was seen last. */
  page: number;
}

/** The same where a series may have several samples. */
export interface TimedMark extends SeriesMark {
  /** The time of its first sample on that page; further ones in `moreMs`. */
  timestampMs: number;
  moreMs: Set<number> | undefined;
}

export function createMark(series: Series): SeriesMark {
  return { series, page: 0 };
}

export function createTimedMark(series: Series): TimedMark {
  return { series, page: 0, timestampMs: Number.NaN, moreMs: undefined };
}

/** A metric name of samples and metadata. */
export interface NameMark {
  readonly text: string;
  /** The part at its end that makes it a sample of another family, if there is one. */
  readonly suffix: "" | "_bucket" | "_count" | "_sum" | "_total";
  /** The name without the suffix. Undefined until {@link ParserMemory.baseOf} is asked. */
  base: NameMark | undefined;
  /** The page that `family` belongs to. */
  page: number;
  /** Where samples and metadata of this name go: its own family, or its base's. */
  family: FamilyDraft | undefined;
  /** What the family of this name had when it was last read. */
  series: Series[];
}

/** A line of a Prometheus text that may come again on the next page, and what it meant. */
export type TextLine<Mark> = KnownLine<TextLine<Mark>> &
  (
    | {
        readonly kind: "sample";
        readonly mark: Mark;
        readonly name: NameMark;
        /** The family's type, as far as it was known, when the labels were read. */
        readonly type: MetricType;
      }
    | { readonly kind: "HELP"; readonly name: NameMark; readonly help: string }
    | { readonly kind: "TYPE"; readonly name: NameMark; readonly type: MetricType }
  );

/** More than this, and than four times the last page, is forgotten at the end of a page. */
const keptBytes = 16 * 1024 * 1024;
const keptMarks = 100_000;

/**
 * What a parser keeps from page to page. Its size follows the largest of the last pages: series that
 * no longer come are forgotten at some time.
 */
export class ParserMemory<Line extends KnownLine<Line>, Mark extends SeriesMark = SeriesMark> {
  /** Undefined where there will be no second page. */
  readonly lines: KnownLines<Line> | undefined;
  readonly head: PlainHead = new PlainHead();
  /** Number of the present page, from 1. */
  page = 0;
  /** Different series on it so far. */
  seriesCount = 0;
  readonly #createMark: (series: Series) => Mark;
  readonly #marks = new SeriesMap<Mark>();
  #markCount = 0;
  readonly #names = new Map<string, NameMark>();

  /** @param keepsLines Whether there will be more pages with the same lines. */
  constructor(keepsLines: boolean, createMark: (series: Series) => Mark) {
    this.#createMark = createMark;
    this.lines = keepsLines ? new KnownLines() : undefined;
  }

  beginPage(reader: PageReader): void {
    this.page++;
    this.seriesCount = 0;
    this.lines?.beginPage(reader.bytes);
  }

  /** Whether everything was forgotten. */
  endPage(reader: PageReader): boolean {
    const { lines } = this;
    if (lines === undefined) return false;
    lines.endPage();
    const tooManyBytes = lines.sizeBytes > Math.max(keptBytes, 4 * reader.bytes.length);
    const tooManyMarks = this.#markCount + this.#names.size > Math.max(keptMarks, 4 * this.seriesCount);
    if (!tooManyBytes && !tooManyMarks) return false;
    lines.forgetAll();
    this.#marks.clear();
    this.#markCount = 0;
    this.#names.clear();
    return true;
  }

  markOf(series: Series): Mark {
    const known = this.#marks.get(series);
    if (known) return known;
    const mark = this.#createMark(series);
    this.#marks.set(series, mark);
    this.#markCount++;
    return mark;
  }

  nameOf(text: string): NameMark {
    const known = this.#names.get(text);
    if (known) return known;
    const name: NameMark = {
      text,
      suffix: suffixOf(text),
      base: undefined,
      page: 0,
      family: undefined,
      series: [],
    };
    this.#names.set(text, name);
    return name;
  }

  /** The name without its suffix; undefined where it has none, or nothing before it. */
  baseOf(name: NameMark): NameMark | undefined {
    if (name.suffix === "") return undefined;
    name.base ??= this.nameOf(name.text.slice(0, -name.suffix.length));
    return name.base;
  }
}

function suffixOf(name: string): NameMark["suffix"] {
  const at = name.lastIndexOf("_");
  const suffix = at > 0 ? name.slice(at) : "";
  return suffix === "_bucket" || suffix === "_count" || suffix === "_sum" || suffix === "_total"
    ? suffix
    : "";
}
