import { canonicalLabels, seriesKey } from "../series/dictionary.ts";
import type { Exemplar, Series } from "../series/series.ts";
import { addSample, createDraft, type FamilyDraft } from "./family-draft.ts";
import type { LabelList } from "./label-list.ts";
import { parseNumber } from "./number.ts";
import { openMetricsClaims, openMetricsOwnLabel } from "./openmetrics-suffixes.ts";
import type { PageReader } from "./page-reader.ts";
import type { NameMark } from "./parser-memory.ts";

/** What a sample line says before its value, in a family of one name and type. */
export interface SampleHead {
  readonly suffix: string;
  readonly list: LabelList;
  readonly series: Series;
  /** The same for all samples of one metric. */
  readonly group: string;
}

/** One sample line, read but not yet judged. Offsets point into the page. */
export interface SampleLine extends SampleHead {
  readonly offset: number;
  readonly value: number;
  readonly valueOffset: number;
  /** `NaN` where there is none. */
  readonly seconds: number;
  readonly exemplar: Exemplar | undefined;
  readonly exemplarOffset: number;
}

/** What the samples of one histogram at one time have shown so far. */
interface HistogramPoint {
  readonly offset: number;
  bound: number | undefined;
  cumulative: number;
  count: number | undefined;
  sum: number | undefined;
  hasNegativeBound: boolean;
}

/** The family whose lines are being read: OpenMetrics has one at a time. */
export interface OpenFamily {
  readonly draft: FamilyDraft;
  readonly offset: number;
  readonly seenGroups: Set<string>;
  readonly lastSeconds: Map<Series, number>;
  group: string | undefined;
  groupSeconds: number;
  point: HistogramPoint | undefined;
  /** Of a counter's `_created` whose `_total` has not come yet, in the point at hand; -1: there is none. */
  createdOffset: number;
  hasTotal: boolean;
}

export function openFamily(name: NameMark, reader: PageReader, offset: number): OpenFamily {
  return {
    draft: createDraft(name, reader.lineStart),
    offset,
    seenGroups: new Set(),
    lastSeconds: new Map(),
    group: undefined,
    groupSeconds: NaN,
    point: undefined,
    createdOffset: -1,
    hasTotal: false,
  };
}

export function sampleHead(
  { draft }: OpenFamily,
  suffix: string,
  list: LabelList,
  series: Series,
): SampleHead {
  const own = ownLabel(draft, suffix);
  const rest = own === undefined ? list.labels : list.labels.filter((label) => label.name !== own);
  return { suffix, list, series, group: seriesKey("", canonicalLabels(rest)) };
}

/** Judges what can only be judged when the family is complete. */
export function closeFamily(family: OpenFamily, reader: PageReader, claimed: Map<string, string>): void {
  finishPoint(family, reader);
  const { name, type = "unknown" } = family.draft;
  for (const claim of openMetricsClaims(name, type)) {
    const owner = claimed.get(claim);
    if (owner !== undefined) {
      reader.fail(
        "ERR_EXPOSITION_FAMILY",
        `expected the lines of ${JSON.stringify(owner)} together, and no family whose samples could share the name ${JSON.stringify(claim)}`,
        family.offset,
      );
    }
    claimed.set(claim, name);
  }
}

/** @throws {ExpositionError} The unit is no suffix of the name, or the type takes none. */
export function checkUnit(family: OpenFamily, reader: PageReader, offset: number): void {
  const { name, type, unit } = family.draft;
  if (!unit) return;
  if (!name.endsWith(`_${unit}`)) {
    reader.fail("ERR_EXPOSITION_VALUE", "expected a unit that is the last part of the family's name", offset);
  }
  if (type === "info" || type === "stateset") {
    reader.fail("ERR_EXPOSITION_FAMILY", `expected no unit for the type ${type}`, offset);
  }
}

/** Takes a sample that the family's type allows by name. */
export function takeSample(family: OpenFamily, line: SampleLine, reader: PageReader): void {
  const { draft } = family;
  const { suffix, series, seconds } = line;
  const bound = checkOwnLabel(draft, line, reader);
  checkValue(draft, line, reader);
  checkExemplar(line, bound, reader);
  const before = family.lastSeconds.get(series);
  enterGroup(family, line, reader);
  if (before !== undefined && (Number.isNaN(before) || before >= seconds)) {
    reader.fail("ERR_EXPOSITION_DUPLICATE", "expected each series once at one time", line.offset);
  }
  family.lastSeconds.set(series, seconds);
  if (family.point) takePoint(family.point, suffix, bound, line, reader);
  if (suffix === "_total") family.hasTotal = true;
  else if (suffix === "_created" && draft.type === "counter") family.createdOffset = line.offset;
  // Two times within one millisecond are one time in all that follows: the first sample counts.
  if (before !== undefined && toMs(before) === toMs(seconds)) return;
  if (line.exemplar) {
    draft.exemplars ??= new Map();
    draft.exemplars.set(draft.values.length, [line.exemplar]);
  }
  addSample(draft, series, line.value, toMs(seconds));
}

/** To the nearest millisecond; adding 0 turns -0 into 0. */
export function toMs(seconds: number): number {
  return Math.round(seconds * 1000) + 0;
}

function ownLabel(draft: FamilyDraft, suffix: string): string | undefined {
  return openMetricsOwnLabel(draft.name, draft.type ?? "unknown", suffix);
}

/** The number in `le` or `quantile`, where this sample has to have it. */
function checkOwnLabel(draft: FamilyDraft, line: SampleLine, reader: PageReader): number | undefined {
  const { list, suffix } = line;
  const own = ownLabel(draft, suffix);
  const reserved = draft.type === "summary" ? "quantile" : isHistogram(draft) ? "le" : undefined;
  if (own === undefined) {
    if (reserved !== undefined && list.labels.some((label) => label.name === reserved)) {
      reader.fail("ERR_EXPOSITION_NAME", `expected no label ${reserved} on this sample`, line.offset);
    }
    return undefined;
  }
  const i = list.labels.findIndex((label) => label.name === own);
  const text = list.labels[i]?.value;
  if (text === undefined) {
    reader.fail("ERR_EXPOSITION_FAMILY", `expected the label ${JSON.stringify(own)}`, line.offset);
  }
  if (draft.type === "stateset") return undefined;
  const bound = parseNumber(text);
  const inRange = own === "le" || (bound !== undefined && bound >= 0 && bound <= 1);
  if (bound === undefined || Number.isNaN(bound) || !inRange || (bound === Infinity && text !== "+Inf")) {
    const range = own === "le" ? "a number, infinity as +Inf," : "a number from 0 to 1";
    reader.fail("ERR_EXPOSITION_VALUE", `expected ${range} in the label ${own}`, line.list.valueOffsets[i]);
  }
  return bound;
}

function checkValue(draft: FamilyDraft, line: SampleLine, reader: PageReader): void {
  const { suffix, value, valueOffset } = line;
  const fail = (expected: string): never =>
    reader.fail("ERR_EXPOSITION_VALUE", `expected ${expected}`, valueOffset);
  switch (suffix) {
    case "_bucket":
    case "_count":
    case "_gcount":
      if (!(Number.isInteger(value) && value >= 0)) fail("a count: an integer, not negative");
      break;
    case "_total":
    case "_sum":
      if (!(value >= 0)) fail("a number that is not negative and not NaN");
      break;
    case "_gsum":
      if (Number.isNaN(value)) fail("a number that is not NaN");
      break;
    case "_created":
      if (!Number.isFinite(value)) fail("a timestamp in seconds");
      break;
    case "_info":
      if (value !== 1) fail("the value 1 of an info metric");
      break;
    case "":
      if (draft.type === "stateset" && value !== 0 && value !== 1) fail("the value 0 or 1 of a state");
      if (draft.type === "summary" && value < 0) fail("a quantile's value that is not negative");
      break;
    default:
      break;
  }
}

function checkExemplar(line: SampleLine, bound: number | undefined, reader: PageReader): void {
  const { exemplar, exemplarOffset, suffix } = line;
  if (!exemplar) return;
  if (suffix !== "_bucket" && suffix !== "_total") {
    reader.fail("ERR_EXPOSITION_FAMILY", "expected exemplars on buckets and counters only", exemplarOffset);
  }
  if (bound !== undefined && exemplar.value > bound) {
    reader.fail("ERR_EXPOSITION_VALUE", `expected an exemplar's value up to the bucket's le`, exemplarOffset);
  }
  let characters = 0;
  for (const { name, value } of exemplar.labels) characters += name.length + Array.from(value).length;
  if (characters > 128) {
    reader.fail(
      "ERR_EXPOSITION_VALUE",
      "expected at most 128 characters in an exemplar's labels",
      exemplarOffset,
    );
  }
}

/** The samples of a metric stand together, in order of time. Info metrics can't be told apart. */
function enterGroup(family: OpenFamily, line: SampleLine, reader: PageReader): void {
  const { draft } = family;
  const { seconds, offset, group } = line;
  if (draft.type === "info") return;
  if (group === family.group) {
    if (Number.isNaN(seconds) !== Number.isNaN(family.groupSeconds)) {
      reader.fail(
        "ERR_EXPOSITION_FAMILY",
        "expected all samples of a metric with a timestamp, or none",
        offset,
      );
    }
    if (seconds < family.groupSeconds) {
      reader.fail("ERR_EXPOSITION_FAMILY", "expected the samples of a metric in order of time", offset);
    }
    if (seconds > family.groupSeconds) finishPoint(family, reader);
  } else {
    if (family.seenGroups.has(group)) {
      reader.fail("ERR_EXPOSITION_FAMILY", "expected the samples of a metric together", offset);
    }
    finishPoint(family, reader);
    family.seenGroups.add(group);
  }
  family.group = group;
  family.groupSeconds = seconds;
  if (isHistogram(draft)) family.point ??= createPoint(offset);
}

function createPoint(offset: number): HistogramPoint {
  return {
    offset,
    bound: undefined,
    cumulative: 0,
    count: undefined,
    sum: undefined,
    hasNegativeBound: false,
  };
}

function takePoint(
  point: HistogramPoint,
  suffix: string,
  bound: number | undefined,
  line: SampleLine,
  reader: PageReader,
): void {
  const { value } = line;
  if (bound !== undefined) {
    if (point.bound !== undefined && bound <= point.bound) {
      reader.fail("ERR_EXPOSITION_FAMILY", "expected the buckets in ascending order of le", line.offset);
    }
    if (value < point.cumulative) {
      reader.fail(
        "ERR_EXPOSITION_VALUE",
        "expected a cumulative count, not below the last bucket's",
        line.valueOffset,
      );
    }
    point.bound = bound;
    point.cumulative = value;
    if (bound < 0) point.hasNegativeBound = true;
  } else if (suffix === "_count" || suffix === "_gcount") {
    point.count = value;
  } else if (suffix === "_sum" || suffix === "_gsum") {
    point.sum = value;
  }
}

function finishPoint(family: OpenFamily, reader: PageReader): void {
  const { point, createdOffset, hasTotal } = family;
  family.point = undefined;
  family.createdOffset = -1;
  family.hasTotal = false;
  if (createdOffset >= 0 && !hasTotal) {
    reader.fail("ERR_EXPOSITION_FAMILY", "expected the counter's _total beside its _created", createdOffset);
  }
  if (!point) return;
  const { count, sum } = point;
  const isGauge = family.draft.type === "gaugehistogram";
  const problem =
    point.bound !== Infinity
      ? 'expected a bucket with le="+Inf" in the histogram'
      : count !== undefined && count !== point.cumulative
        ? `expected the histogram's count to equal its bucket with le="+Inf", ${point.cumulative}`
        : (count === undefined) !== (sum === undefined)
          ? "expected the histogram's sum and count both, or neither"
          : !isGauge && point.hasNegativeBound && sum !== undefined
            ? "expected no sum in a histogram with negative buckets"
            : isGauge && !point.hasNegativeBound && sum !== undefined && sum < 0
              ? "expected no negative sum in a histogram without negative buckets"
              : undefined;
  if (problem !== undefined) reader.fail("ERR_EXPOSITION_FAMILY", problem, point.offset);
}

function isHistogram(draft: FamilyDraft): boolean {
  return draft.type === "histogram" || draft.type === "gaugehistogram";
}
