import { type Command, Option } from "commander";
import { examples } from "./command-options.ts";
import type { OnRun } from "./program.ts";

/** The commands by which a user decides about a program's own telemetry. */
export function addConsent(program: Command, onRun: OnRun): void {
  const catalogFile = () =>
    new Option("--catalog <file>", "catalogue of the program (default: the one in the journal's folder)");
  program
    .command("enable")
    .description("Shows what a program collects, with a sample, and asks whether it may.")
    .option("--local", "collect, and send nothing")
    .addOption(catalogFile())
    .option("-y, --yes", "agree without being asked")
    .addHelpText(
      "after",
      examples([
        "promferry enable",
        "promferry enable --local",
        "promferry enable --dir ~/.k1/metrics --yes",
      ]),
    )
    .action(onRun(async () => (await import("./commands/enable.ts")).enable));
  program
    .command("disable")
    .description("Ends collection and sending of a program's own telemetry, at once.")
    .addHelpText("after", examples(["promferry disable", "promferry disable --dir ~/.k1/metrics"]))
    .action(onRun(async () => (await import("./commands/disable.ts")).disable));
  program
    .command("forget")
    .description(
      "Erases the journal, its identity and its consent, deletes own Pushgateway groups, prints a receipt.",
    )
    .option("-y, --yes", "erase without being asked")
    .option("--wait", "wait while an upload holds the journal")
    .addHelpText("after", examples(["promferry forget", "promferry forget --yes --json > receipt.json"]))
    .action(onRun(async () => (await import("./commands/forget.ts")).forgetAll));
  program
    .command("catalog")
    .description("Shows what a program may collect, and why.")
    .addOption(catalogFile())
    .addOption(
      new Option("--format <format>", "how to show it").choices(["text", "markdown", "json"]).default("text"),
    )
    .addHelpText(
      "after",
      examples(["promferry catalog", "promferry catalog --format markdown > COLLECTED.md"]),
    )
    .action(onRun(async () => (await import("./commands/catalog.ts")).catalog));
}
