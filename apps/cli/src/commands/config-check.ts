import { CliError } from "../cli-error.ts";
import { appNameOf } from "../config/app-name.ts";
import { DEFAULT_DIR } from "../config/check-config.ts";
import { unsetVariables } from "../config/check-variables.ts";
import { misnamedGauges } from "../config/clamped-names.ts";
import { configFile, readConfigText } from "../config/load-config.ts";
import { type ParsedConfig, parseConfig } from "../config/parse-config.ts";
import { formatPath, formatProblem, type Problem } from "../config/problem.ts";
import { catalogueAtHand } from "../consent/catalogue-at-hand.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

/** Exit 0 with at most warnings, else 78; the one command that tells warnings of a file. */
export async function configCheck(context: Context): Promise<ExitCode> {
  const { out, io, source } = context;
  const { file } = configFile(source);
  const text = await readConfigText(file, true).catch((error: unknown) => {
    if (!(error instanceof CliError) || source.configFlag) throw error;
    throw new CliError(error.exitCode, error.message, {
      hint: "write one, or name one with --config; `promferry config schema` says what may stand in it",
    });
  });
  const parsed = parseConfig(text ?? "");
  const problems = [
    ...parsed.problems,
    ...unsetWarnings(parsed, io.env),
    ...(await misnamedWarnings(parsed, context)),
  ].sort((a, b) => a.line - b.line || a.column - b.column);
  const errorCount = problems.filter(({ severity }) => severity === "error").length;
  const warningCount = problems.length - errorCount;
  for (const problem of problems) out.line(formatProblem(problem, file, text ?? ""));
  if (problems.length > 0) out.line();
  const counts = `${count(errorCount, "error")}, ${count(warningCount, "warning")}`;
  out.line(
    errorCount > 0 ? out.style.red(`${file}: ${counts}`) : out.style.green(`${file} is fine: ${counts}`),
  );
  out.json({ file, ok: errorCount === 0, problems });
  return errorCount > 0 ? EXIT.config : EXIT.ok;
}

/** Where the journal has a catalogue, which says what the program has. */
async function misnamedWarnings({ config, positions }: ParsedConfig, context: Context): Promise<Problem[]> {
  if (!config || Object.keys(config.metrics.clamp).length === 0) return [];
  const found = await catalogueAtHand(context, await context.settings());
  if (!found?.catalogue) return [];
  return misnamedGauges(config.metrics, found.catalogue).map(({ name, message }): Problem => {
    const path = ["metrics", "clamp", name];
    return { severity: "warning", message, path: formatPath(path), ...positions.ofKey(path) };
  });
}

function unsetWarnings({ config, positions }: ParsedConfig, env: Context["io"]["env"]): Problem[] {
  if (!config) return [];
  const { app = appNameOf(config.metrics.dir ?? DEFAULT_DIR), metrics } = config;
  return metrics.destinations.flatMap((destination, i) =>
    unsetVariables(destination, app, env).map(({ name, path: inner }): Problem => {
      const path = ["metrics", "destinations", i, ...inner];
      const message = `the variable ${name} is not set; ${destination.name} needs it when it is used`;
      return { severity: "warning", message, path: formatPath(path), ...positions.ofValue(path) };
    }),
  );
}
