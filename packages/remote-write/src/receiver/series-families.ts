import type { FamilyMetadata, MetricType } from "@promferry/core/series";
import type { DecodedSeriesV2 } from "../request-v2/decode.ts";

/** What a sample's name may have after the name of its family. */
const SUFFIXES: Partial<Record<MetricType, readonly string[]>> = {
  histogram: ["_bucket", "_count", "_sum"],
  gaugehistogram: ["_bucket", "_gcount", "_gsum"],
  summary: ["_count", "_sum"],
  info: ["_info"],
};

/**
 * The families that the metadata of 2.0 describe. It stands at each series and leaves the family's
 * name out, so this is the series' name without the suffix of its type; a counter's stays whole, as in
 * the Prometheus text format. Of series that contradict each other the first is right, and one that
 * says nothing is passed over.
 */
export function seriesFamilies(decoded: readonly DecodedSeriesV2[]): FamilyMetadata[] {
  const families = new Map<string, FamilyMetadata>();
  for (const { labels, metadata } of decoded) {
    const { type, help, unit } = metadata;
    if (type === "unknown" && help === "" && unit === "") continue;
    const sampleName = labels.find((label) => label.name === "__name__")?.value ?? "";
    const name = familyName(sampleName, type);
    if (name !== "" && !families.has(name)) families.set(name, { name, type, help, unit });
  }
  return [...families.values()];
}

function familyName(sampleName: string, type: MetricType): string {
  const suffix = SUFFIXES[type]?.find((one) => sampleName.endsWith(one));
  return suffix === undefined ? sampleName : sampleName.slice(0, -suffix.length);
}
