import { CliError } from "../cli-error.ts";
import type { Settings } from "../config/load-config.ts";
import { nearest } from "../config/nearest.ts";
import type { DestinationConfig } from "../config/schema.ts";
import { EXIT } from "../exit-codes.ts";

/** The flags that say what goes where. */
export interface ChoiceFlags {
  /** Names, and at most one date, which is an end date. */
  readonly to?: readonly string[];
  readonly from?: string;
  readonly toDate?: string;
}

export interface Choice {
  /** In the configuration's order. */
  readonly destinations: readonly DestinationConfig[];
  /** Configured and not chosen. */
  readonly others: readonly DestinationConfig[];
  /** `YYYY-MM-DD`, inclusive. */
  readonly from: string | undefined;
  /** `YYYY-MM-DD`, inclusive. */
  readonly toDate: string | undefined;
}

/**
 * What this run is about: the destinations named by `--to`, else `default_destination`, else all.
 *
 * @throws {CliError} Exit 2 for flags that can't be right, 78 where nothing is configured.
 */
export function choose(settings: Settings, flags: ChoiceFlags): Choice {
  const { destinations, default_destination: preferred } = settings.metrics;
  const given = flags.to ?? [];
  const dates = given.filter(looksLikeDate);
  const names = given.filter((value) => !looksLikeDate(value));
  if (dates.length + (flags.toDate === undefined ? 0 : 1) > 1) {
    throw new CliError(EXIT.usage, "the last day is given more than once", {
      hint: "give one date, by --to-date or by --to",
    });
  }
  const from = checkDate("--from", flags.from);
  const toDate = checkDate(dates.length > 0 ? "--to" : "--to-date", dates[0] ?? flags.toDate);
  if (from !== undefined && toDate !== undefined && from > toDate) {
    throw new CliError(EXIT.usage, `--from ${from} is later than the last day, ${toDate}`, {
      hint: "swap the two",
    });
  }
  if (destinations.length === 0) {
    const message = settings.found
      ? "no destination is configured"
      : `there is no configuration file ${settings.file}`;
    throw new CliError(EXIT.config, message, {
      hint: `list one under metrics.destinations in ${settings.file}, or name another file with --config`,
    });
  }
  for (const name of names) checkName(name, destinations);
  const wanted = names.length > 0 ? names : preferred === undefined ? undefined : [preferred];
  const isChosen = ({ name }: DestinationConfig) => wanted?.includes(name) ?? true;
  return {
    destinations: destinations.filter(isChosen),
    others: destinations.filter((each) => !isChosen(each)),
    from,
    toDate,
  };
}

function looksLikeDate(value: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(value);
}

/**
 * @returns The date, checked against the calendar.
 * @throws {CliError} Exit 2.
 */
export function checkDate(flag: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const isDate = looksLikeDate(value) && !Number.isNaN(Date.parse(value));
  // `Date.parse` would carry 30 February over into March.
  if (isDate && new Date(value).toISOString().startsWith(value)) return value;
  throw new CliError(EXIT.usage, `${flag}: expected a date such as 2025-10-06, got ${value}`, {
    hint: "dates name day files and are inclusive",
  });
}

function checkName(name: string, destinations: readonly DestinationConfig[]): void {
  const known = destinations.map((destination) => destination.name);
  if (known.includes(name)) return;
  const guess = nearest(name, known);
  throw new CliError(EXIT.usage, `there is no destination named ${name}`, {
    hint: guess ? `did you mean ${guess}?` : `configured are: ${known.join(", ")}`,
  });
}
