import { createHash } from "node:crypto";
import type { GaugeMerge } from "../journal/frame.ts";

/** What a label may say. `other` is always allowed beside it. */
export type CatalogueLabel =
  | { readonly kind: "closed"; readonly values: readonly string[] }
  | { readonly kind: "open"; readonly max: number }
  | { readonly kind: "pattern"; readonly source: string; readonly flags: string; readonly max: number };

/** One metric, as users may read it before they agree to its collection. */
export interface CatalogueMetric {
  /** The family's name, namespace included. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Why it is collected; empty where nobody said. */
  readonly why: string;
  readonly labels: Readonly<Record<string, CatalogueLabel>>;
  /** Of a histogram: upper bounds, ascending, without infinity. */
  readonly buckets?: readonly number[];
  /** Of a gauge, where it says so. */
  readonly across?: GaugeMerge;
}

/** Everything that a program may collect. Plain data: it survives JSON unchanged. */
export interface Catalogue {
  readonly v: 1;
  readonly namespace: string;
  /** Sorted by name. */
  readonly metrics: readonly CatalogueMetric[];
}

/** The catalogue as JSON, the same bytes for the same catalogue, with a line feed at the end. */
export function catalogueToJson(catalogue: Catalogue): string {
  return `${JSON.stringify(sortKeys(catalogue), null, 2)}\n`;
}

/** SHA-256 of {@link catalogueToJson}, in hexadecimal. */
export function catalogueDigest(catalogue: Catalogue): string {
  return createHash("sha256").update(catalogueToJson(catalogue)).digest("hex");
}

/** The name of the catalogue's file beside the day files: `catalog-` and the digest's first 8 digits. */
export function catalogueFileName(catalogue: Catalogue): string {
  return `catalog-${catalogueDigest(catalogue).slice(0, 8)}.json`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, inner]) => [key, sortKeys(inner)]));
}
