import { Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./duration.ts";

/** What the command line and the environment ask for. */
export interface DemoOptions {
  readonly url: string;
  readonly job: string;
  readonly instance: string;
  readonly interval: number;
  readonly once: boolean;
  readonly deleteOnExit: boolean;
  readonly seed: number;
  readonly print: boolean;
  readonly trace: boolean;
}

/**
 * Flags win over variables, variables over defaults.
 *
 * @param argv Without the program's own name.
 * @throws {import("commander").CommanderError} Help was asked for (`exitCode` 0), or the usage is wrong.
 */
export function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): DemoOptions {
  const variable = (name: string, fallback: string) => env[`DEMO_PUSHER_${name}`] || fallback;
  const flag = (name: string) => /^(1|true|yes|on)$/i.test(variable(name, ""));
  const option = (flags: string, name: string, description: string) =>
    new Option(flags, `${description} [DEMO_PUSHER_${name}]`);

  const program = new Command("promferry-demo-pusher")
    .description("Runs a small made-up workload and pushes its metrics to a Pushgateway.")
    .addOption(
      option("--url <url>", "URL", "where the Pushgateway is").default(
        variable("URL", "http://127.0.0.1:9091"),
      ),
    )
    .addOption(
      option("--job <name>", "JOB", "value of the label job").default(
        variable("JOB", "example_metrics_pusher"),
      ),
    )
    .addOption(
      option("--instance <name>", "INSTANCE", "value of the label instance").default(
        variable("INSTANCE", "example-app"),
      ),
    )
    .addOption(
      option("--interval <time>", "INTERVAL", "time between two pushes").default(variable("INTERVAL", "15s")),
    )
    .addOption(
      option("--seed <number>", "SEED", "what the workload is drawn from").default(variable("SEED", "1")),
    )
    .addOption(option("--once", "ONCE", "push once and end").default(flag("ONCE")))
    .addOption(
      option("--delete-on-exit", "DELETE_ON_EXIT", "remove the group before the end").default(
        flag("DELETE_ON_EXIT"),
      ),
    )
    .option("--print", "print the page after one minute of work, and push nothing", false)
    .option("--trace", "print each request, job, connection count and temperature as a JSON line", false)
    .allowExcessArguments(false)
    .exitOverride()
    .parse([...argv], { from: "user" });
  const raw = program.opts<Record<"url" | "job" | "instance" | "interval" | "seed", string>>();
  const flags = program.opts<Record<"once" | "deleteOnExit" | "print" | "trace", boolean>>();
  try {
    return { ...raw, ...flags, interval: parseDuration(raw.interval), seed: parseSeed(raw.seed) };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function parseSeed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`expected a seed of 1 to 9 digits, got ${JSON.stringify(text.slice(0, 40))}`);
}
