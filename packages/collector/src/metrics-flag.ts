/** The flag that allows one run, as every program with this collector spells it. */
export const METRICS_FLAG = "--enable-metrics-collection";

/**
 * Takes the flag out of a command line, for programs that read theirs without a parser.
 *
 * @param argv Without the program's own name. What follows `--` is left alone.
 */
export function takeMetricsFlag(argv: readonly string[]): {
  readonly flag: boolean;
  readonly rest: readonly string[];
} {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const rest = argv.filter((word, i) => i >= end || word !== METRICS_FLAG);
  return { flag: rest.length < argv.length, rest };
}
