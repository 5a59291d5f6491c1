import { Argument, Command, Option } from "commander";
import { cliVersion } from "./cli-version.ts";
import { collectValues, durationOption, examples, positiveInteger } from "./command-options.ts";
import { SHELLS } from "./completion/scripts.ts";
import { addConsent } from "./consent-program.ts";
import type { Context, GlobalOptions } from "./context.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { addNotBuilt } from "./not-built.ts";
import { SCHEDULE_KINDS } from "./schedule/schedule.ts";
import { addTargets } from "./targets-program.ts";

/** Runs a command under the options that were given to it. */
export type Runner = (
  options: GlobalOptions,
  command: (context: Context) => Promise<ExitCode>,
) => Promise<void>;

/** Loads what a command does: only when it runs. */
export type LoadCommand<Options> = () => Promise<
  (context: Context, options: Options, args: readonly string[]) => Promise<ExitCode>
>;

/** Makes of it what the command line calls. */
export type OnRun = <Options>(load: LoadCommand<Options>) => (...given: unknown[]) => Promise<void>;

/**
 * The command line: names, options and help. Each command's own module, and with it the packages it
 * needs, is loaded only when it runs.
 */
export function buildProgram(io: CliIo, runner: Runner): Command {
  const program = new Command("promferry")
    .description("Keeps Prometheus metrics on disk and ships them when you say so.")
    .version(cliVersion(), "-V, --version")
    .option("--config <file>", "configuration (default: ~/.promferry/config.yaml)")
    .option("--dir <folder>", "journal's folder (default: metrics.dir of the configuration)")
    .option("--json", "results and errors as JSON on standard output")
    .addOption(new Option("-q, --quiet", "only results and errors").conflicts("verbose"))
    .option("-v, --verbose", "tell each request and its answer, without secrets")
    .option("--no-color", "no colours; NO_COLOR says the same")
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Shown with --help only; errors are told by the caller.
      writeErr: () => {},
      outputError: () => {},
    })
    .addHelpText(
      "after",
      examples([
        "promferry demo",
        "promferry collect http://localhost:9100/metrics --once",
        "promferry upload-metrics --dry-run",
      ]),
    );

  const onRun: OnRun =
    <Options>(load: LoadCommand<Options>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<GlobalOptions & Options>();
      await runner(options, async (context) => (await load())(context, options, command.args));
    };

  program
    .command("demo")
    .description("Shows the whole line on real input: collect, upload, read back. Needs no server.")
    .option("--keep", "keep the demo's folder")
    .addHelpText("after", examples(["promferry demo", "promferry demo --dir ./demo-journal"]))
    .action(onRun(async () => (await import("./commands/demo.ts")).demo));

  program
    .command("collect")
    .description("Scrapes metrics pages into the journal.")
    .argument("<url...>", "pages in the Prometheus text format or OpenMetrics")
    .option("--once", "scrape once and end")
    .addOption(durationOption("--interval <duration>", "time between two scrapes", 15_000, "15s"))
    .addOption(durationOption("--timeout <duration>", "longest wait for a page", 10_000, "10s"))
    .option("--job <name>", "value of the label job", "promferry")
    .addHelpText(
      "after",
      examples([
        "promferry collect http://localhost:9100/metrics --once",
        "promferry collect http://localhost:9100/metrics --interval 1m --job node",
      ]),
    )
    .action(onRun(async () => (await import("./commands/collect.ts")).collect));

  program
    .command("agent")
    .description(
      "Scrapes pages and sends them on, for as long as it runs; a queue on disk keeps what can't be sent.",
    )
    .option(
      "--scrape <url>",
      "page, repeatable (default: scrape_configs of the configuration)",
      collectValues,
      [],
    )
    .option(
      "--remote-write <url>",
      "receiver, repeatable (default: destinations of the configuration)",
      collectValues,
      [],
    )
    .addOption(
      new Option("--protocol <version>", "of remote write, for --remote-write")
        .choices(["1", "2", "auto"])
        .default("1"),
    )
    .addOption(durationOption("--interval <duration>", "time between two scrapes of --scrape", 15_000, "15s"))
    .option("--job <name>", "value of the label job, for --scrape", "promferry")
    .option("--listen <address>", "host:port of /metrics, /-/healthy and /-/ready (default: none)")
    .option("--allow-remote", "listen for other machines, too; there is no authentication")
    .addOption(durationOption("--grace <duration>", "how long it may take to end (default: 10s)"))
    .option("--print-unit", "print a hardened unit for systemd and end")
    .addHelpText(
      "after",
      examples([
        "promferry agent --scrape http://localhost:9100/metrics --remote-write http://localhost:9090/api/v1/write",
        "promferry agent --config ./agent.yaml --listen 127.0.0.1:9101",
        "promferry agent --config /etc/promferry/config.yaml --print-unit",
      ]),
    )
    .action(onRun(async () => (await import("./commands/agent.ts")).agent));

  program
    .command("import")
    .description("Reads day files of other programs (blocks under `# Written:` lines) into the journal.")
    .argument("<file...>", "files in the Prometheus text format, each sample with its time in milliseconds")
    .addHelpText(
      "after",
      examples([
        "promferry import ~/.k1/metrics/2025-10-06.prom",
        "promferry import old/*.prom --dir ./journal",
      ]),
    )
    .action(onRun(async () => (await import("./commands/import.ts")).importFiles));

  const forThisRun = () =>
    new Option("--enable-metrics-collection", "for this run only: DO_NOT_TRACK does not count");

  const upload = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option(
        "--to <name>",
        "destination, repeatable; a date here is the last day, as --to-date",
        collectValues,
        [],
      )
      .option("--from <date>", "first day, YYYY-MM-DD")
      .option("--to-date <date>", "last day, YYYY-MM-DD")
      .option("--force", "send again what was sent before, and days that lie behind it")
      .option("--now", "include frames younger than 10 s; with metrics.time_step, of what is over")
      .addOption(forThisRun());

  upload(
    "upload-metrics",
    "Carries the journal to its destinations. Without --to: default_destination, else all.",
  )
    .option("--dry-run", "show what would be sent; opens no connection, runs no command")
    .option("--cleanup", "delete closed days that every destination has")
    .option("--wait", "wait while another upload holds the journal")
    .addOption(
      durationOption("--timeout <duration>", "longest time for retries, of each destination", 120_000, "2m"),
    )
    .addOption(
      new Option("--watch", "upload again and again until Ctrl-C or SIGTERM").conflicts(["dryRun", "force"]),
    )
    .addOption(
      durationOption(
        "--every <duration>",
        "with --watch or --install-schedule: from one upload to the next (default: 15m)",
      ),
    )
    .addOption(
      new Option("--install-schedule <manager>", "print what lets a service manager upload unattended")
        .choices(SCHEDULE_KINDS)
        .conflicts(["watch", "dryRun", "force"]),
    )
    .option("--write", "with --install-schedule: install it for this user, and start it")
    .addHelpText(
      "after",
      examples([
        "promferry upload-metrics",
        "promferry upload-metrics --to grafana --from 2025-10-01 --to-date 2025-10-06",
        "promferry upload-metrics --dry-run --json",
        "promferry upload-metrics --watch --every 1h",
        "promferry upload-metrics --install-schedule systemd --every 1h --write",
      ]),
    )
    .action(onRun(async () => (await import("./commands/upload-metrics.ts")).uploadMetrics));

  upload("preview", "Prints what upload-metrics would send, series by series. Sends nothing.")
    .option("--limit <count>", "series to show for each destination", positiveInteger, 20)
    .option("--write <folder>", "write each request's body there, as it would be sent, and beside it decoded")
    .addHelpText(
      "after",
      examples([
        "promferry preview --to grafana",
        "promferry preview --limit 100 --json",
        "promferry preview --write ./requests",
      ]),
    )
    .action(onRun(async () => (await import("./commands/preview.ts")).preview));

  addConsent(program, onRun);

  const privacy = program
    .command("privacy")
    .description("Looks at what stands between the journal and others.");
  privacy
    .command("explain")
    .description(
      "Shows, metric by metric, what leaves for a destination, what stays and why, and what merges.",
    )
    .option(
      "--to <name>",
      "destination, repeatable; a date here is the last day, as --to-date",
      collectValues,
      [],
    )
    .option("--from <date>", "first day, YYYY-MM-DD")
    .option("--to-date <date>", "last day, YYYY-MM-DD")
    .addOption(forThisRun())
    .addHelpText(
      "after",
      examples(["promferry privacy explain --to grafana", "promferry privacy explain --json"]),
    )
    .action(onRun(async () => (await import("./commands/privacy-explain.ts")).privacyExplain));

  program
    .command("status")
    .description("Shows the journal, what each destination has of it, and whether collection is on.")
    .addOption(forThisRun())
    .addHelpText("after", examples(["promferry status", "promferry status --json"]))
    .action(onRun(async () => (await import("./commands/status.ts")).status));

  program
    .command("doctor")
    .description(
      "Looks for what is in the way: configuration, folder, disk, clock, each destination. Stores nothing there.",
    )
    .option("--chain", "walk the way from a metrics page to an answer of Prometheus instead")
    .option("--url <address>", "with --chain: the metrics page")
    .option("--prometheus <address>", "with --chain: the Prometheus that should scrape it")
    .addHelpText(
      "after",
      examples([
        "promferry doctor",
        "promferry doctor --chain --url http://localhost:8080/metrics --prometheus http://localhost:9090",
      ]),
    )
    .action(onRun(async () => (await import("./commands/doctor.ts")).doctor));

  program
    .command("export")
    .description("Writes the journal's totals over all sessions to standard output.")
    .addOption(
      new Option("--format <format>", "how to write them")
        .choices(["prometheus", "openmetrics", "jsonl"])
        .default("prometheus"),
    )
    .option("--from <date>", "first day, YYYY-MM-DD")
    .option("--to-date <date>", "last day, YYYY-MM-DD")
    .addHelpText(
      "after",
      examples([
        "promferry export --format jsonl > metrics.jsonl",
        "promferry export --format openmetrics > metrics.om && promtool tsdb create-blocks-from openmetrics metrics.om data/",
      ]),
    )
    .action(onRun(async () => (await import("./commands/export.ts")).exportMetrics));

  program
    .command("check-metrics")
    .description("Checks a metrics page; exit 1 and `line:column: message` where it is wrong.")
    .argument("[file]", "page; - or nothing is standard input", "-")
    .addOption(
      new Option("--format <format>", "what it should be")
        .choices(["prometheus", "openmetrics"])
        .default("prometheus"),
    )
    .option("--extended", "also how many series each metric has")
    .addHelpText(
      "after",
      examples([
        "curl -s localhost:9100/metrics | promferry check-metrics --extended",
        "promferry check-metrics --format openmetrics page.txt",
      ]),
    )
    .action(onRun(async () => (await import("./commands/check-metrics.ts")).checkMetricsPage));

  program
    .command("receive")
    .description("A small receiver on this machine that stores what it gets into a journal. No database.")
    .option("--listen <address>", "host:port; port 0 takes a free one", "127.0.0.1:0")
    .option("--allow-remote", "listen for other machines, too; there is no authentication")
    .addHelpText("after", examples(["promferry receive --listen 127.0.0.1:9099 --dir ./received"]))
    .action(onRun(async () => (await import("./commands/receive.ts")).receive));

  const journal = program.command("journal").description("Looks after the journal's files.");
  journal
    .command("verify")
    .description("Reads every frame; exit 1 where something is damaged, with file, offset and what is lost.")
    .option(
      "--repair",
      "move what is damaged in days that are over to quarantine/; no valid frame is touched",
    )
    .option("--wait", "wait while an upload holds the journal")
    .addHelpText(
      "after",
      examples([
        "promferry journal verify",
        "promferry journal verify --repair",
        "promferry journal verify --json",
      ]),
    )
    .action(onRun(async () => (await import("./commands/journal-verify.ts")).journalVerify));

  addTargets(program, onRun);

  const config = program.command("config").description("Looks at the configuration.");
  config
    .command("check")
    .description("Reports every problem of the configuration, with its place.")
    .addHelpText(
      "after",
      examples(["promferry config check", "promferry config check --config ./config.yaml --json"]),
    )
    .action(onRun(async () => (await import("./commands/config-check.ts")).configCheck));
  config
    .command("explain")
    .description("Shows each value that holds, and where it came from: flag, environment, line, default.")
    .addHelpText("after", examples(["promferry config explain", "promferry config explain --json"]))
    .action(onRun(async () => (await import("./commands/config-explain.ts")).configExplain));
  config
    .command("init")
    .description("Writes a configuration with a comment at each setting; never over one that is there.")
    .option("--print", "to standard output instead")
    .addHelpText(
      "after",
      examples([
        "promferry config init",
        "promferry config init --config ./config.yaml",
        "promferry config init --print",
      ]),
    )
    .action(onRun(async () => (await import("./commands/config-init.ts")).configInit));
  config
    .command("schema")
    .description("Prints the JSON Schema of the configuration, for editors.")
    .addHelpText("after", examples(["promferry config schema > promferry.schema.json"]))
    .action(onRun(async () => (await import("./commands/config-schema.ts")).configSchema));

  program
    .command("completion")
    .description("Prints what a shell needs to complete commands, options and names of destinations.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText(
      "after",
      examples([
        "source <(promferry completion bash)",
        'promferry completion zsh > "${fpath[1]}/_promferry"',
        "promferry completion fish > ~/.config/fish/completions/promferry.fish",
      ]),
    )
    .action(onRun(async () => (await import("./commands/completion.ts")).completion));
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .helpOption(false)
    .action((words: readonly string[]) =>
      runner(program.opts(), async (context) =>
        (await import("./commands/complete.ts")).complete(context, program, words),
      ),
    );

  addNotBuilt(program, runner);
  return program;
}
