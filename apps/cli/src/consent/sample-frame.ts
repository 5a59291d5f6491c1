import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Catalogue,
  type CatalogueLabel,
  type CatalogueMetric,
  catalogueDigest,
  OTHER_VALUE,
} from "@promferry/core/catalogue";
import { encodeFrame, type FrameRef, isPacked } from "@promferry/core/journal";
import { canonicalLabels, createSeriesDictionary, type MetricFamily } from "@promferry/core/series";

/** A frame, byte for byte as it stands in a day file. */
export interface SampleFrame {
  readonly text: string;
  /** Whether it was written by the program; else its values are made up. */
  readonly isReal: boolean;
}

/** The program's newest frame, or one made up of its catalogue; undefined where there is neither. */
export function sampleFrame(
  { dir, app, nowMs }: { readonly dir: string; readonly app: string; readonly nowMs: number },
  catalogue: Catalogue | undefined,
  newest: FrameRef | undefined,
): SampleFrame | undefined {
  if (newest && !isPacked(newest.file)) {
    const bytes = readFileSync(join(dir, newest.file));
    const end = newest.offsetBytes + newest.lengthBytes;
    return { text: bytes.subarray(newest.offsetBytes, end).toString("utf8"), isReal: true };
  }
  if (catalogue === undefined) return undefined;
  const header = { session: "3f9c2a17", seq: 1, kind: "full", origin: "app", consent: "enabled" } as const;
  const info = {
    app,
    os: process.platform,
    arch: process.arch,
    startedMs: nowMs,
    intervalMs: 300_000,
    catalog: catalogueDigest(catalogue).slice(0, 8),
  };
  const frame = encodeFrame(
    { ...header, writtenMs: nowMs, exit: false },
    info,
    catalogue.metrics.map(madeUp),
  );
  return { text: Buffer.from(frame).toString("utf8").trimStart(), isReal: false };
}

/** One series of a metric, as if it had happened once. */
function madeUp(metric: CatalogueMetric): MetricFamily {
  const { name, type, help, labels, buckets = [] } = metric;
  const dictionary = createSeriesDictionary();
  const own = Object.entries(labels).map(([label, rule]) => ({ name: label, value: exampleOf(rule) }));
  const bounds = [...buckets.map(String), "+Inf"];
  const names =
    type !== "histogram"
      ? [{ name, labels: own, value: 1 }]
      : [
          ...bounds.map((value, i) => ({
            name: `${name}_bucket`,
            labels: [...own, { name: "le", value }],
            value: i === 0 ? 0 : 1,
          })),
          { name: `${name}_sum`, labels: own, value: buckets[1] ?? 1 },
          { name: `${name}_count`, labels: own, value: 1 },
        ];
  return {
    name,
    type,
    help,
    unit: "",
    series: names.map((each) => dictionary.intern(each.name, canonicalLabels(each.labels))),
    values: names.map(({ value }) => value),
    timestampsMs: names.map(() => Number.NaN),
  };
}

function exampleOf(rule: CatalogueLabel): string {
  return rule.kind === "closed" ? (rule.values[0] ?? OTHER_VALUE) : OTHER_VALUE;
}
