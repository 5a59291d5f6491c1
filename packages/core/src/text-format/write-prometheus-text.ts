import type { EpochMs, MetricFamily, MetricType, NativeHistogram, Series } from "../series/series.ts";
import { escapeHelp, writeMetricName, writeSeries } from "./escape.ts";
import { formatValue } from "./number.ts";

export interface WritePrometheusTextOptions {
  /** For samples without a timestamp. Default: they stay without. */
  readonly defaultTimestampMs?: EpochMs;
}

/** The lines of one family in the text format, which may differ from the family given. */
interface TextFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly lines: string[];
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
  return writeFrameText(families, options);
}

/** Name and labels of a series as its lines have them. */
export type SeriesHeads = Pick<WeakMap<Series, string>, "get" | "set">;

/** Whole lines for what the format has none for. */
export interface FrameTextOptions extends WritePrometheusTextOptions {
  /** In place of a sample that is no number. Default: it is left out. */
  readonly special?: (special: NativeHistogram | null, series: string, timestampMs: EpochMs) => string;
  /** Keeps what a series' lines begin with from one page to the next. Default: of this page only. */
  readonly heads?: SeriesHeads;
  /** Behind each sample. Default: nothing. */
  readonly asides?: (family: MetricFamily, row: number) => string;
}

/** The same for the journal, whose frames hold more than the format does. */
export function writeFrameText(families: Iterable<MetricFamily>, options: FrameTextOptions): string {
  const { defaultTimestampMs = NaN, special: writeSpecial, asides, heads = new Map() } = options;
  const texts = new Map<string, TextFamily>();
  for (const family of families) {
    const type = texts.get(family.name)?.type ?? family.type;
    const homes = new Map<string, TextFamily>();
    if (family.series.length === 0) textFamily(texts, family, family.name, type);
    for (let i = 0; i < family.series.length; i++) {
      const special = family.special?.get(i);
      if (special !== undefined && !writeSpecial) continue;
      const series = family.series[i]!;
      let home = homes.get(series.name);
      if (!home) {
        home = textFamily(texts, family, ...homeOf(type, family.name, series.name));
        homes.set(series.name, home);
      }
      let head = heads.get(series);
      if (head === undefined) {
        head = writeSeries(series.name, series.labels);
        heads.set(series, head);
      }
      const ownMs = family.timestampsMs[i]!;
      const timestampMs = Number.isNaN(ownMs) ? defaultTimestampMs : ownMs;
      if (special !== undefined) home.lines.push(writeSpecial!(special, head, timestampMs));
      else {
        const value = formatValue(family.values[i]!);
        home.lines.push(
          Number.isNaN(timestampMs) ? `${head} ${value}\n` : `${head} ${value} ${Math.round(timestampMs)}\n`,
        );
      }
      if (asides) home.lines.push(asides(family, i));
    }
  }
  let page = "";
  for (const { name, type, help, lines } of texts.values()) {
    const shown = writeMetricName(name);
    if (help !== "") page += `# HELP ${shown} ${escapeHelp(help)}\n`;
    page += `# TYPE ${shown} ${type === "unknown" ? "untyped" : type}\n${lines.join("")}`;
  }
  return page;
}

function textFamily(
  texts: Map<string, TextFamily>,
  family: MetricFamily,
  name: string,
  type: MetricType,
): TextFamily {
  const known = texts.get(name);
  if (known) return known;
  const created = { name, type: textType(type), help: family.help, lines: [] };
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
