import { type MetricFamily, type Series, seriesKey } from "@promferry/core/series";
import { parseExposition, writePrometheusText } from "@promferry/core/text-format";

/** Families cut so that each piece can be one frame of a journal. */
export interface FramePieces {
  readonly pieces: readonly (readonly MetricFamily[])[];
  /** Samples that a frame can't hold: names outside the classic characters. */
  readonly leftOut: number;
}

/**
 * Foreign families as frames take them. A series stands in a frame once, so its second sample goes
 * into a second piece. A frame is strict text, while pages need not be: where types and samples don't
 * agree, every series becomes a family of unknown type, and names that plain text can't spell are
 * left out.
 */
export function toFramePieces(families: readonly MetricFamily[]): FramePieces {
  const pieces = onceEach(families);
  if (pieces.every(isReadable)) return { pieces, leftOut: 0 };
  const { untyped, leftOut } = withoutTypes(families);
  return { pieces: onceEach(untyped), leftOut };
}

function isReadable(families: readonly MetricFamily[]): boolean {
  try {
    parseExposition(writePrometheusText(families), { format: "prometheus" });
    return true;
  } catch {
    return false;
  }
}

function onceEach(families: readonly MetricFamily[]): MetricFamily[][] {
  const pieces: MetricFamily[][] = [];
  for (const family of families) {
    const occurrences = new Map<string, number>();
    const rows: number[][] = [];
    family.series.forEach((series, i) => {
      const key = seriesKey(series.name, series.labels);
      const occurrence = occurrences.get(key) ?? 0;
      occurrences.set(key, occurrence + 1);
      append(rows, occurrence, i);
    });
    rows.forEach((piece, i) => {
      append(pieces, i, piece.length === family.series.length ? family : pickRows(family, piece));
    });
  }
  return pieces;
}

function append<T>(lists: T[][], index: number, value: T): void {
  const list = lists[index];
  if (list) list.push(value);
  else lists[index] = [value];
}

function pickRows(family: MetricFamily, rows: readonly number[]): MetricFamily {
  const { name, type, help, unit } = family;
  return {
    name,
    type,
    help,
    unit,
    series: rows.map((i) => family.series[i]!),
    values: rows.map((i) => family.values[i]!),
    timestampsMs: rows.map((i) => family.timestampsMs[i]!),
  };
}

const METRIC_NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const LABEL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function withoutTypes(families: readonly MetricFamily[]): { untyped: MetricFamily[]; leftOut: number } {
  const byName = new Map<string, { series: Series[]; values: number[]; timestampsMs: number[] }>();
  let leftOut = 0;
  for (const family of families) {
    family.series.forEach((series, i) => {
      const isPlain =
        METRIC_NAME.test(series.name) && series.labels.every((label) => LABEL_NAME.test(label.name));
      if (!isPlain) {
        leftOut++;
        return;
      }
      let columns = byName.get(series.name);
      if (!columns) {
        columns = { series: [], values: [], timestampsMs: [] };
        byName.set(series.name, columns);
      }
      columns.series.push(series);
      columns.values.push(family.values[i]!);
      columns.timestampsMs.push(family.timestampsMs[i]!);
    });
  }
  const untyped = Array.from(byName, ([name, columns]) => ({
    name,
    type: "unknown" as const,
    help: "",
    unit: "",
    ...columns,
  }));
  return { untyped, leftOut };
}
