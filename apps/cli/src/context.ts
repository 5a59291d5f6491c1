import { createRequire } from "node:module";
import { type ConfigSource, loadConfig, type Settings } from "./config/load-config.ts";
import { createRedactor, type Redactor } from "./credentials/redactor.ts";
import type { CliIo } from "./io.ts";
import { createOutput, type Output } from "./output.ts";

/** The options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly dir?: string;
  readonly json?: boolean;
}

/** What a command works with. */
export interface Context {
  readonly io: CliIo;
  readonly out: Output;
  readonly redactor: Redactor;
  readonly source: ConfigSource;
  /** Reads the configuration; a missing file means the defaults, unless it was named. */
  settings(): Promise<Settings>;
}

export function createContext(io: CliIo, options: GlobalOptions): Context {
  const redactor = createRedactor();
  const out = createOutput(io, redactor, options.json ?? false);
  const source: ConfigSource = {
    configFlag: options.config,
    dirFlag: options.dir,
    env: io.env,
    cwd: io.cwd,
    home: io.home,
  };
  return { io, out, redactor, source, settings: () => loadConfig(source) };
}

export function cliVersion(): string {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  return version;
}
