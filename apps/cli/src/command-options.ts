import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./config/duration.ts";

/** The examples at the end of a help text. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** For an option that may be repeated. */
export function collectValues(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** An option in milliseconds; `shown` is how help spells the default. */
export function durationOption(
  flags: string,
  description: string,
  defaultMs?: number,
  shown?: string,
): Option {
  const option = new Option(flags, description).argParser((value) => {
    const ms = parseDuration(value);
    if (!ms) throw new InvalidArgumentError("Expected a duration such as 15s, 1m or 1h30m.");
    return ms;
  });
  return defaultMs === undefined ? option : option.default(defaultMs, shown);
}

/** A whole number from 1. */
export function positiveInteger(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("Expected a number from 1.");
  return Number(value);
}

/** A whole number from 0. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("Expected a whole number from 0.");
  return Number(value);
}
