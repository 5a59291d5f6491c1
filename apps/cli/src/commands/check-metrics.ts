import { checkMetrics, type ExpositionFormat, type MetricCardinality } from "@promferry/core/text-format";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readInput } from "../read-input.ts";

interface CheckMetricsOptions {
  readonly format: Extract<ExpositionFormat, "prometheus" | "openmetrics">;
  readonly extended?: boolean;
}

/**
 * Errors and advice, one a line as `line:column: message`, and with `extended` the series of each metric; exit 1 with an
 * error, advice alone is exit 0.
 */
export async function checkMetricsPage(
  { io, out }: Context,
  { format, extended = false }: CheckMetricsOptions,
  [file = "-"]: readonly string[],
): Promise<ExitCode> {
  const { errors, warnings, cardinality } = checkMetrics(await readInput(io, file), { format });
  const lines = (findings: typeof errors, kind: string) =>
    findings.map(({ line, column, message }) => `${line}:${column}: ${kind}${message}`);
  for (const line of [...lines(errors, ""), ...lines(warnings, "advice: ")]) out.line(line);
  if (extended && errors.length === 0) out.table(cardinalityRows(cardinality));
  out.json({ ok: errors.length === 0, errors, warnings, ...(extended && { cardinality }) });
  return errors.length > 0 ? EXIT.findings : EXIT.ok;
}

function cardinalityRows(cardinality: readonly MetricCardinality[]): string[][] {
  const total = cardinality.reduce((sum, { series }) => sum + series, 0);
  const row = (metric: string, series: number) => [
    metric,
    String(series),
    `${((100 * series) / Math.max(1, total)).toFixed(2)}%`,
  ];
  return [
    ["metric", "series", "share"],
    ...cardinality.map(({ metric, series }) => row(metric, series)),
    row("all", total),
  ];
}
