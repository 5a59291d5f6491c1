import type { EpochMs, MetricFamily, MetricType, NativeHistogram } from "../series/series.ts";
import { escapeHelp, writeMetricName } from "./escape.ts";
import { createPageBytes, type PageBytes } from "./page-bytes.ts";
import { createSeriesHeads, type HeadRows, type SeriesHeads } from "./series-heads.ts";

export interface WritePrometheusTextOptions {
  /** For samples without a timestamp. Default: they stay without. */
  readonly defaultTimestampMs?: EpochMs;
}

/** The lines of one family in the text format, which may differ from the family given. */
interface TextFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly runs: Run[];
}

/** Rows that stand together. */
interface Run {
  readonly family: MetricFamily;
  readonly from: number;
  /** The row behind the last one. */
  readonly to: number;
}

/**
 * Writes text format 0.0.4, canonical: for each family HELP (where it has a text), TYPE, and one line
 * a sample, in the order given; line feeds only; timestamps in integer milliseconds.
 *
 * What the format cannot say is said as near as it gets: `info` and `stateset` go as gauges, each
 * kind of sample of a `gaugehistogram` and each `_created` as a gauge of its own name, a counter
 * whose samples end in `_total` under that name. Units, exemplars, start times, native histograms and
 * stale markers are left out. Families of one
 * name become one; the first type and help count. Names outside the classic characters go in quotes,
 * which Prometheus 3 reads and `promtool check metrics` does not.
 *
 * Not checked: that a series stands once, and that two families' sample names do not clash.
 */
export function writePrometheusText(
  families: Iterable<MetricFamily>,
  options: WritePrometheusTextOptions = {},
): string {
  const page = createPageBytes();
  writeFrameText(page, families, options);
  return page.written().toString("utf8");
}

/** Whole lines for what the format has none for. */
export interface FrameTextOptions extends WritePrometheusTextOptions {
  /** In place of a sample that is no number. Default: it is left out. */
  readonly special?: (special: NativeHistogram | null, series: string, timestampMs: EpochMs) => string;
  /** Behind each sample. Default: nothing. */
  readonly asides?: (family: MetricFamily, row: number) => string;
  /** Keeps what the lines begin with from one page to the next. Default: of this page only. */
  readonly heads?: SeriesHeads;
  /** Whether series that the page does not have may be forgotten by `heads`. Default true. */
  readonly isWhole?: boolean;
}

/** The same for the journal, whose frames hold more than the format does. */
export function writeFrameText(
  page: PageBytes,
  families: Iterable<MetricFamily>,
  options: FrameTextOptions,
): void {
  const { heads = createSeriesHeads(), isWhole = true } = options;
  const texts = new Map<string, TextFamily>();
  for (const family of families) addFamily(texts, options.special ? family : numbersOf(family));
  const rows = new Map<MetricFamily, HeadRows>();
  for (const { name, type, help, runs } of texts.values()) {
    const shown = writeMetricName(name);
    if (help !== "") page.text(`# HELP ${shown} ${escapeHelp(help)}\n`);
    page.text(`# TYPE ${shown} ${type === "unknown" ? "untyped" : type}\n`);
    for (const run of runs) {
      let own = rows.get(run.family);
      if (own === undefined) {
        own = heads.rowsOf(run.family.name, run.family.series, isWhole);
        rows.set(run.family, own);
      }
      writeRun(page, run, own, options);
    }
  }
  if (isWhole) heads.forgetOthers();
}

function writeRun(
  page: PageBytes,
  { family, from, to }: Run,
  { bytes, ends, places }: HeadRows,
  { defaultTimestampMs = Number.NaN, special: writeSpecial, asides }: FrameTextOptions,
): void {
  const { values, timestampsMs, special } = family;
  for (let row = from; row < to; row++) {
    const place = places === undefined ? row : places[row]!;
    const start = place === 0 ? 0 : ends[place - 1]!;
    const end = ends[place]!;
    const ownMs = timestampsMs[row]!;
    const timestampMs = Number.isNaN(ownMs) ? defaultTimestampMs : ownMs;
    const odd = special?.get(row);
    if (odd !== undefined) page.text(writeSpecial!(odd, bytes.toString("utf8", start, end), timestampMs));
    else page.sample(bytes, start, end, values[row]!, timestampMs);
    if (asides) page.text(asides(family, row));
  }
}

/** Without samples that are no numbers; undefined where there are no others. */
function numbersOf(family: MetricFamily): MetricFamily | undefined {
  const { special } = family;
  if (special === undefined || special.size === 0) return family;
  const isNumber = (_: unknown, row: number) => !special.has(row);
  const series = family.series.filter(isNumber);
  if (series.length === 0) return undefined;
  const { name, type, help, unit, values, timestampsMs } = family;
  return {
    ...{ name, type, help, unit, series },
    values: values.filter(isNumber),
    timestampsMs: timestampsMs.filter(isNumber),
  };
}

function addFamily(texts: Map<string, TextFamily>, family: MetricFamily | undefined): void {
  if (family === undefined) return;
  const type = texts.get(family.name)?.type ?? family.type;
  if (family.series.length === 0) textFamily(texts, family, family.name, type);
  const homes = new Map<string, TextFamily>();
  let name: string | undefined;
  let home: TextFamily | undefined;
  let from = 0;
  for (let row = 0; row < family.series.length; row++) {
    const sample = family.series[row]!.name;
    if (sample === name) continue;
    name = sample;
    let next = homes.get(sample);
    if (next === undefined) {
      next = textFamily(texts, family, ...homeOf(type, family.name, sample));
      homes.set(sample, next);
    }
    if (next === home) continue;
    home?.runs.push({ family, from, to: row });
    home = next;
    from = row;
  }
  home?.runs.push({ family, from, to: family.series.length });
}

function textFamily(
  texts: Map<string, TextFamily>,
  family: MetricFamily,
  name: string,
  type: MetricType,
): TextFamily {
  const known = texts.get(name);
  if (known) return known;
  const created = { name, type: textType(type), help: family.help, runs: [] };
  texts.set(name, created);
  return created;
}

/** The text format's family and type for a sample of a family of this type. */
function homeOf(type: MetricType, family: string, sample: string): [name: string, type: MetricType] {
  const suffix = sample.startsWith(family) ? sample.slice(family.length) : undefined;
  switch (type) {
    case "histogram":
      if (suffix === "" || suffix === "_bucket" || suffix === "_count" || suffix === "_sum")
        return [family, type];
      break;
    case "summary":
      if (suffix === "" || suffix === "_count" || suffix === "_sum") return [family, type];
      break;
    case "counter":
      if (suffix === "" || suffix === "_total") return [sample, type];
      break;
    case "gaugehistogram":
      if (suffix === "_bucket" || suffix === "_gcount" || suffix === "_gsum") return [sample, "gauge"];
      break;
    case "info":
      if (suffix === "_info") return [sample, "gauge"];
      break;
    default:
      break;
  }
  if (suffix === "") return [sample, type];
  return [sample, suffix === "_created" ? "gauge" : "unknown"];
}

/** The text format has no other types that a scraping Prometheus takes. */
function textType(type: MetricType): MetricType {
  return type === "info" || type === "stateset" || type === "gaugehistogram" ? "gauge" : type;
}
