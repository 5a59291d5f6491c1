import type { ConfigSource, Settings } from "./config/load-config.ts";
import { createRedactor, type Redactor } from "./credentials/redactor.ts";
import type { CliIo } from "./io.ts";
import { createOutput, type Output } from "./output.ts";

/** The options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly dir?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
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
  const out = createOutput(io, redactor, options);
  const source: ConfigSource = {
    configFlag: options.config,
    dirFlag: options.dir,
    env: io.env,
    cwd: io.cwd,
    home: io.home,
  };
  // Loaded when it is asked for: the configuration's libraries cost more than the rest of a start.
  const settings = async () => (await import("./config/load-config.ts")).loadConfig(source);
  return { io, out, redactor, source, settings };
}
