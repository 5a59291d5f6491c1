import type { SessionInfo } from "./frame.ts";

/** How the line with the session's info begins; it is a frame's second line. */
export const SESSION_MARK = "# Session: ";

/**
 * The session's info as its line, without the line feed.
 *
 * @throws {RangeError} A field is missing or of another type; the message names it.
 */
export function formatSessionLine(info: SessionInfo): string {
  const field = unreadableField(info);
  if (field !== undefined) throw new RangeError(`session info: ${field} cannot be ${bounded(info[field])}`);
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
  return unreadableField(value) === undefined ? (value as SessionInfo) : undefined;
}

const TEXTS = ["app", "version", "os", "arch", "runId", "gitSha", "catalog"] as const;

function unreadableField(info: Partial<SessionInfo>): keyof SessionInfo | undefined {
  if (!Number.isFinite(info.startedMs)) return "startedMs";
  if (!Number.isFinite(info.intervalMs)) return "intervalMs";
  const { gauges } = info;
  if (gauges !== undefined && (typeof gauges !== "object" || gauges === null)) return "gauges";
  return TEXTS.find((name) => info[name] !== undefined && typeof info[name] !== "string");
}

function bounded(value: unknown): string {
  return String(value).slice(0, 64);
}
