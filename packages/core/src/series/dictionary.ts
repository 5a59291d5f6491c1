import { NumberedSeries } from "./numbered-series.ts";
import type { Label, Series } from "./series.ts";

/** Hands out one {@link Series} object for each name and label set. */
export interface SeriesDictionary {
  /**
   * The series with this name and these labels, in any order. Empty values are left out: they mean
   * the same as an absent label.
   *
   * @throws {RangeError} A label name stands twice.
   */
  intern(name: string, labels: readonly Label[]): Series;
  /**
   * The same, for whoever has the series as text already and may spare the key that is made of its parts. Absent where
   * a dictionary knows no texts.
   *
   * @param head `name{a="b",c="d"}` with labels as {@link Series.labels} has them and nothing to escape: equal series have
   * equal texts. Kept.
   */
  internPlain?(head: string, name: string, labels: readonly Label[]): Series;
  readonly size: number;
}

/** A dictionary that takes in the series of others. */
export interface AdoptingDictionary extends SeriesDictionary {
  /** The series that equals this one: where the dictionary knows none, this object from now on, if it is of a dictionary. */
  adopt(series: Series): Series;
}

/** A dictionary of its own; series of two dictionaries are never the same object unless one has adopted it. */
export function createSeriesDictionary(): AdoptingDictionary {
  // A series may stand in both. Whoever finds it in neither looks whether it is known the other way.
  const byKey = new Map<string, Series>();
  const byHead = new Map<string, Series>();
  const owner = {};
  let numbers = 0;
  let size = 0;
  const create = (name: string, labels: readonly Label[], head?: string): Series => {
    size++;
    return new NumberedSeries(name, labels, owner, numbers++, head);
  };
  const findByHead = (name: string, labels: readonly Label[]): Series | undefined =>
    byHead.size > 0 ? byHead.get(plainHead(name, labels)) : undefined;
  const findByKey = (name: string, labels: readonly Label[]): Series | undefined =>
    byKey.size > 0 ? byKey.get(seriesKey(name, labels)) : undefined;
  function intern(name: string, labels: readonly Label[]): Series {
    const canonical = canonicalLabels(labels);
    const key = seriesKey(name, canonical);
    const known = byKey.get(key);
    if (known) return known;
    const series = findByHead(name, canonical) ?? create(name, canonical);
    byKey.set(key, series);
    return series;
  }
  return {
    intern,
    internPlain(head, name, labels) {
      const known = byHead.get(head);
      if (known) return known;
      const series = findByKey(name, labels) ?? create(name, labels.slice(), head);
      byHead.set(head, series);
      return series;
    },
    adopt(series) {
      const { name, labels } = series;
      if (NumberedSeries.ownerOf(series) === undefined) return intern(name, labels);
      const head = NumberedSeries.headOf(series);
      const index = head === undefined ? byKey : byHead;
      const key = head ?? seriesKey(name, labels);
      const known = index.get(key);
      if (known) return known;
      const other = (head === undefined ? findByHead : findByKey)(name, labels);
      if (other === undefined) size++;
      index.set(key, other ?? series);
      return other ?? series;
    },
    get size() {
      return size;
    },
  };
}

/** Series that a dictionary may hold above twice those that there are. */
const SPARE_SERIES = 10_000;

/**
 * For series that come and go: the dictionary, or a new one where it holds more than twice the `present` series and 10,000
 * more. Equal series are other objects in the new one.
 */
export function renewedDictionary(dictionary: SeriesDictionary, present: number): SeriesDictionary {
  return dictionary.size > 2 * present + SPARE_SERIES ? createSeriesDictionary() : dictionary;
}

/** The text of a series for {@link SeriesDictionary.internPlain}; one that no such text is where it is none. */
function plainHead(name: string, labels: readonly Label[]): string {
  const isPlain =
    PLAIN_NAME.test(name) &&
    labels.every((label) => PLAIN_LABEL.test(label.name) && !TO_ESCAPE.test(label.value));
  if (!isPlain) return "";
  if (labels.length === 0) return name;
  return `${name}{${labels.map((label) => `${label.name}="${label.value}"`).join(",")}}`;
}

const PLAIN_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TO_ESCAPE = /["\\\n]/;

/**
 * A string that two series share exactly when name and label set are equal. Each part stands behind
 * its length: no separator would do, as names and values may hold any character.
 *
 * @param labels Canonical, as {@link Series.labels}.
 */
export function seriesKey(name: string, labels: readonly Label[]): string {
  if (labels.length === 0) return `${name.length}:${name}`;
  // Joined and not added up: a sum of strings stays a tree of its parts for as long as it is a key of a map.
  const parts: (string | number)[] = [name.length];
  let last = name;
  for (let i = 0; i < labels.length; i++) {
    const { name: label, value } = labels[i]!;
    parts.push(last + label.length, label + value.length);
    last = value;
  }
  parts.push(last);
  return parts.join(":");
}

/**
 * Sorted by name in code point order, without empty values.
 *
 * @throws {RangeError} A label name stands twice.
 */
export function canonicalLabels(labels: readonly Label[]): readonly Label[] {
  if (isCanonical(labels)) return labels.slice();
  const kept = labels.filter((label) => label.value !== "");
  kept.sort((a, b) => compareCodePoints(a.name, b.name));
  for (let i = 1; i < kept.length; i++) {
    const { name } = kept[i]!;
    if (kept[i - 1]!.name === name) throw new RangeError(`label ${JSON.stringify(name)} stands twice`);
  }
  return kept;
}

function isCanonical(labels: readonly Label[]): boolean {
  for (let i = 0; i < labels.length; i++) {
    const { name, value } = labels[i]!;
    if (value === "" || (i > 0 && compareCodePoints(labels[i - 1]!.name, name) >= 0)) return false;
  }
  return true;
}

/** Order by Unicode code point, which is also the order of the UTF-8 bytes; `<` compares UTF-16 units. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xIsSurrogate = x >= 0xd800 && x <= 0xdfff;
    const yIsSurrogate = y >= 0xd800 && y <= 0xdfff;
    if (xIsSurrogate !== yIsSurrogate) return xIsSurrogate ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** The value of the label `name`, or the empty string, as Prometheus reads an absent label. */
export function labelValue(series: Series, name: string): string {
  for (const label of series.labels) if (label.name === name) return label.value;
  return "";
}
