import type { EpochMs } from "../series/series.ts";

/** Where a day begins: at midnight of this machine's time zone, or of UTC. */
export type DayBoundary = "local" | "utc";

const HOUR_MS = 3_600_000;

/** Midnight of a date in UTC-12, the last time zone to reach it, in hours after its midnight in UTC. */
const LAST_ZONE_HOURS = 12;
const CLOSES_AFTER_HOURS = 36;
const UNTOUCHED_HOURS = 1;

const DAY_FILE = /^(\d{4})-(\d{2})-(\d{2})(?:[.-].*)?\.prom(?:\.gz)?$/;

/** What the name of a compressed day file has at its end. */
export const PACKED_ENDING = ".gz";

/** The name that a day file has once it is compressed. */
export function packedName(name: string): string {
  return `${name}${PACKED_ENDING}`;
}

/** Whether a day file is a compressed one, going by its name. */
export function isPacked(name: string): boolean {
  return name.endsWith(PACKED_ENDING);
}

/**
 * The name of the file for the day that contains `atMs`: `2025-10-06.prom`, or with a part of its
 * own, `2025-10-06.3f9c2a17.prom`.
 *
 * @param part Set apart from the date by a dot.
 */
export function dayFileName(atMs: EpochMs, boundary: DayBoundary = "local", part?: string): string {
  const at = new Date(atMs);
  const year = boundary === "utc" ? at.getUTCFullYear() : at.getFullYear();
  const month = (boundary === "utc" ? at.getUTCMonth() : at.getMonth()) + 1;
  const date = boundary === "utc" ? at.getUTCDate() : at.getDate();
  const day = `${pad(year, 4)}-${pad(month, 2)}-${pad(date, 2)}`;
  return part === undefined ? `${day}.prom` : `${day}.${part}.prom`;
}

/** The date, `2025-10-06`, of a day file's name, compressed or not, or undefined for any other name. */
export function dayOfFile(name: string): string | undefined {
  const match = DAY_FILE.exec(name);
  if (match === null) return undefined;
  const day = `${match[1]}-${match[2]}-${match[3]}`;
  return Number.isNaN(dayStartUtc(day)) ? undefined : day;
}

/**
 * Whether no more frames are expected in the files of a day: 36 h have passed since the date began in
 * the last time zone (UTC-12), and the file was untouched for 1 h.
 *
 * @param day As from {@link dayOfFile}.
 */
export function isClosed(day: string, now: EpochMs, lastModifiedMs: EpochMs): boolean {
  const beganMs = dayStartUtc(day) + LAST_ZONE_HOURS * HOUR_MS;
  return now >= beganMs + CLOSES_AFTER_HOURS * HOUR_MS && now >= lastModifiedMs + UNTOUCHED_HOURS * HOUR_MS;
}

/** NaN for a date that no calendar has: `Date.parse` would carry 30 February over into March. */
function dayStartUtc(day: string): EpochMs {
  const ms = Date.parse(`${day}T00:00:00.000Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day) return Number.NaN;
  return ms;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
