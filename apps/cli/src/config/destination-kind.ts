import type { DestinationConfig } from "./schema.ts";

/** What a destination speaks, whatever its `type` calls the server behind it. */
export type DestinationKind = "remote-write" | "pushgateway" | "http";

export function destinationKind(type: DestinationConfig["type"]): DestinationKind {
  return type === "pushgateway" || type === "http" ? type : "remote-write";
}

const KINDS_BY_KEY: Readonly<Record<string, readonly DestinationKind[]>> = {
  tenant: ["remote-write"],
  tenant_in_path: ["remote-write"],
  protocol: ["remote-write"],
  samples_per_second: ["remote-write"],
  on_too_old: ["remote-write"],
  max_age: ["remote-write", "http"],
  format: ["http"],
  gzip: ["pushgateway", "http"],
  job_name: ["pushgateway"],
  grouping_keys: ["pushgateway"],
};

/** The kinds that know `key`; `undefined` where all do. */
export function kindsOfKey(key: string): readonly DestinationKind[] | undefined {
  return KINDS_BY_KEY[key];
}
