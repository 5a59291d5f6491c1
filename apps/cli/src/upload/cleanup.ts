import type { UploadCleanup } from "@promferry/uploader";
import type { MetricsConfig } from "../config/schema.ts";

/** With `--cleanup` or `delete_after_push` every settled day that is over goes; else what retention lets go. */
export function cleanupFor(
  metrics: MetricsConfig,
  { cleanup = false }: { cleanup?: boolean } = {},
): UploadCleanup {
  const {
    delete_after_push: afterPush,
    retention_overrides_upload: overrides,
    retention_days: retentionDays,
    max_bytes: maxBytes,
  } = metrics;
  const days = retentionDays || Number.POSITIVE_INFINITY;
  return {
    olderThanDays: cleanup || afterPush ? 0 : days,
    ...(overrides ? { unsettledOlderThanDays: days } : {}),
    maxBytes,
  };
}
