import { crc32 } from "node:zlib";
import { CliError } from "../cli-error.ts";
import { formatDuration } from "../config/duration.ts";
import { EXIT } from "../exit-codes.ts";
import { type ScheduledJob, shellQuote } from "./schedule.ts";

/**
 * The lines of one job in a crontab, between marks by which they are found again.
 *
 * @throws {CliError} Exit 2: cron has no expression for that distance.
 * @see crontab(5)
 */
export function crontabEntry(job: ScheduledJob): string {
  const command = job.argv.map(shellQuote).join(" ").replaceAll("%", "\\%");
  const [begin, end] = marksOf(job);
  // Exit 75 is another upload at work; what went to standard output would come as mail every time.
  return `${begin}\n${expression(job)} ${command} >/dev/null\n${end}\n`;
}

/** The crontab with the entry in the place of an earlier one of the same name, or at its end. */
export function withEntry(crontab: string, job: ScheduledJob): string {
  const [begin, end] = marksOf(job);
  const lines = crontab === "" ? [] : crontab.replace(/\n$/, "").split("\n");
  const from = lines.indexOf(begin);
  const to = lines.indexOf(end, from);
  const isThere = from >= 0 && to > from;
  const entry = crontabEntry(job).trimEnd().split("\n");
  lines.splice(isThere ? from : lines.length, isThere ? to - from + 1 : 0, ...entry);
  return `${lines.join("\n")}\n`;
}

/** The command that takes it out again. */
export function removeEntryCommand(job: ScheduledJob): string {
  const [begin, end] = marksOf(job);
  return `crontab -l | sed '/^${begin}$/,/^${end}$/d' | crontab -`;
}

function marksOf({ name }: ScheduledJob): [string, string] {
  return [`# ${name} begin`, `# ${name} end`];
}

function expression({ everyMs, argv }: ScheduledJob): string {
  const minutes = everyMs / 60_000;
  const hours = minutes / 60;
  // Not every machine at the full hour.
  const offset = crc32(argv.join(" "));
  if (Number.isInteger(minutes) && minutes < 60 && 60 % minutes === 0) {
    return minutes === 1 ? "* * * * *" : `${offset % minutes}-59/${minutes} * * * *`;
  }
  if (Number.isInteger(hours) && hours <= 24 && 24 % hours === 0) {
    const minute = offset % 60;
    if (hours === 1) return `${minute} * * * *`;
    return hours === 24 ? `${minute} ${offset % 24} * * *` : `${minute} ${offset % hours}-23/${hours} * * *`;
  }
  throw new CliError(EXIT.usage, `cron can't run a command every ${formatDuration(everyMs)}`, {
    hint: "give minutes that divide an hour or hours that divide a day, such as --every 15m or --every 6h",
  });
}
