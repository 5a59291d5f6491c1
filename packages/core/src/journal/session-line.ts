import type { SessionInfo } from "./frame.ts";

/** How the line with the session's info begins; it is a frame's second line. */
export const SESSION_MARK = "# Session: ";

/** The session's info as its line, without the line feed. */
export function formatSessionLine(info: SessionInfo): string {
  return SESSION_MARK + JSON.stringify(info);
}

/**
 * Reads the line of {@link formatSessionLine}. Keys that are not known here are kept; undefined where
 * what is needed is missing or of another type.
 */
export function parseSessionLine(line: string): SessionInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.slice(SESSION_MARK.length));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  if (!Number.isFinite(fields["startedMs"]) || !Number.isFinite(fields["intervalMs"])) return undefined;
  for (const name of ["app", "version", "os", "arch", "runId", "gitSha", "catalog"]) {
    const field = fields[name];
    if (field !== undefined && typeof field !== "string") return undefined;
  }
  const gauges = fields["gauges"];
  if (gauges !== undefined && (typeof gauges !== "object" || gauges === null)) return undefined;
  return value as SessionInfo;
}
