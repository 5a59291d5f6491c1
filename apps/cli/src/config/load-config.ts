import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { appNameOf } from "./app-name.ts";
import { DEFAULT_DIR } from "./check-config.ts";
import { type ParsedConfig, parseConfig } from "./parse-config.ts";
import { formatProblem, type Problem } from "./problem.ts";
import { type ConfigFile, configSchema } from "./schema.ts";
import { expandVariables, findVariables } from "./variables.ts";

export interface ConfigSource {
  /** From `--config`. */
  readonly configFlag?: string | undefined;
  /** From `--dir`. */
  readonly dirFlag?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the user stands: flags and variables are relative to it. */
  readonly cwd: string;
  readonly home: string;
}

/** The configuration with what flags and environment changed, and where it came from. */
export interface Settings extends ConfigFile {
  readonly app: string;
  /** Absolute: `--dir`, else `PROMFERRY_DIR`, else `metrics.dir`, else `~/.promferry/metrics`. */
  readonly dir: string;
  /** Absolute; files named in the configuration are relative to its folder. */
  readonly file: string;
  /** Whether the file is there. */
  readonly found: boolean;
  readonly warnings: readonly Problem[];
}

const MAX_BYTES = 1024 ** 2;

/** Where the configuration is read from: `--config`, else `PROMFERRY_CONFIG`, else `~/.promferry/config.yaml`. */
export function configFile(source: ConfigSource): { file: string; explicit: boolean } {
  const given = source.configFlag ?? source.env["PROMFERRY_CONFIG"];
  if (given) return { file: resolve(source.cwd, expandHome(given, source.home)), explicit: true };
  return { file: join(source.home, ".promferry", "config.yaml"), explicit: false };
}

/**
 * Reads the configuration. A missing file means the defaults, unless it was named.
 *
 * @throws {CliError} Exit 78 with all problems of the file.
 */
export async function loadConfig(source: ConfigSource): Promise<Settings> {
  const { file, explicit } = configFile(source);
  const text = await readConfigText(file, explicit);
  if (text === undefined) return settle(configSchema.parse({}), source, { file, found: false, warnings: [] });
  const parsed = parseConfig(text);
  if (!parsed.config) throw invalidConfig(file, text, parsed);
  return settle(parsed.config, source, { file, found: true, warnings: parsed.problems });
}

/** The file's text, or `undefined` where it is not there and nobody asked for it. */
export async function readConfigText(file: string, explicit: boolean): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !explicit) return undefined;
    if (code === "ENOENT") {
      throw new CliError(EXIT.config, `there is no configuration file ${file}`, {
        hint: "check --config and PROMFERRY_CONFIG; relative paths start where you stand",
      });
    }
    throw new CliError(EXIT.config, `the configuration ${file} can't be read: ${(error as Error).message}`, {
      hint: "it has to be a file that you may read",
      cause: error,
    });
  }
  if (bytes.length > MAX_BYTES) {
    throw new CliError(EXIT.config, `the configuration ${file} is larger than 1 MiB`, {
      hint: "is it the right file?",
    });
  }
  return bytes.toString("utf8").replace(/^\ufeff/, "");
}

/** One error that shows every problem of the file with its line. */
export function invalidConfig(file: string, text: string, { problems }: ParsedConfig): CliError {
  const errors = problems.filter(({ severity }) => severity === "error");
  const count = errors.length === 1 ? "a problem" : `${errors.length} problems`;
  const details = errors.map((problem) => formatProblem(problem, file, text));
  return new CliError(EXIT.config, `the configuration has ${count}\n${details.join("\n")}`, {
    hint: "correct the file and run `promferry config check`",
  });
}

function settle(
  config: ConfigFile,
  source: ConfigSource,
  origin: Pick<Settings, "file" | "found" | "warnings">,
): Settings {
  const configured = config.metrics.dir ?? DEFAULT_DIR;
  const given = source.dirFlag ?? source.env["PROMFERRY_DIR"];
  const dir = given
    ? resolve(source.cwd, expandHome(given, source.home))
    : resolveFromConfig(expandEnvironment(configured, source.env), origin.file, source.home);
  return { ...config, ...origin, app: config.app ?? appNameOf(given ?? "", configured), dir };
}

/** A path of the configuration: `~` is the home folder, relative ones start at the file's folder. */
export function resolveFromConfig(path: string, file: string, home: string): string {
  const expanded = expandHome(path, home);
  return isAbsolute(expanded) ? expanded : resolve(dirname(file), expanded);
}

function expandHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

function expandEnvironment(dir: string, env: ConfigSource["env"]): string {
  const unset = findVariables(dir).names.find((name) => env[name] === undefined);
  if (unset) {
    throw new CliError(EXIT.config, `metrics.dir names \${${unset}}, which is not set`, {
      hint: `set ${unset}, or give --dir`,
    });
  }
  return expandVariables(dir, (name) => env[name]);
}
