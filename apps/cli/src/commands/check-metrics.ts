import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkMetrics, type ExpositionFormat } from "@promferry/core/text-format";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

interface CheckMetricsOptions {
  readonly format: Extract<ExpositionFormat, "prometheus" | "openmetrics">;
}

/** Errors and advice, one a line as `line:column: message`; exit 1 with an error, advice alone is exit 0. */
export async function checkMetricsPage(
  { io, out }: Context,
  { format }: CheckMetricsOptions,
  [file = "-"]: readonly string[],
): Promise<ExitCode> {
  const page = file === "-" ? await readAll(io.stdin) : await readFile(resolve(io.cwd, file));
  const { errors, warnings } = checkMetrics(page, { format });
  const lines = (findings: typeof errors, kind: string) =>
    findings.map(({ line, column, message }) => `${line}:${column}: ${kind}${message}`);
  for (const line of [...lines(errors, ""), ...lines(warnings, "advice: ")]) out.line(line);
  out.json({ ok: errors.length === 0, errors, warnings });
  return errors.length > 0 ? EXIT.findings : EXIT.ok;
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks);
}
