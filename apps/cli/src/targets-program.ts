import { type Command, Option } from "commander";
import { collectValues, durationOption, examples, positiveInteger, wholeNumber } from "./command-options.ts";
import type { OnRun } from "./program.ts";

const SYSTEMS = ["debian", "ubuntu", "fedora", "rocky", "opensuse", "alpine"];
const PROVIDERS = ["ec2", "nova", "gce", "azure", "nocloud"];

/** `promferry targets …`: instances that register themselves, seen from the platform's and from Prometheus' side. */
export function addTargets(program: Command, onRun: OnRun): void {
  const targets = program
    .command("targets")
    .description("Instances that register themselves for Prometheus: user data, tokens, lists.");

  targets
    .command("user-data")
    .description("Writes the user data with which an instance joins. Talks to nobody.")
    .addOption(
      new Option("--os <name>", "distribution of the image").choices([...SYSTEMS, "any"]).default("debian"),
    )
    .option("--url <address>", "the target service, as instances reach it")
    .option("--join-token-file <file>", "the join token; - is standard input (or PROMFERRY_JOIN_TOKEN)")
    .option("--ca-file <file>", "certificates that the service's own must come from, PEM")
    .option("--instance-id <id>", "the cloud's id (default: the instance fills it in)")
    .option("--address <ip>", "address to register (default: the first private one)")
    .option("--interface <name>", "interface whose first address to register")
    .option(
      "--exporter <choice>",
      "package, none, an image by digest, or the https address of a build",
      "package",
    )
    .option("--exporter-sha256 <digest>", "of the build")
    .option("--cadvisor <image>", "cAdvisor too: its image by digest")
    .option("--endpoint <name:port>", "a further endpoint, repeatable", collectValues, [])
    .option("--merge <file>", "the user's own user data, to be kept; - is standard input")
    .addOption(
      new Option("--provider <name>", "whose size limit holds").choices(PROVIDERS).default("nocloud"),
    )
    .option("--prebuilt", "the image has the agent already: join data only")
    .option("--image-script", "the script that prepares such an image, instead")
    .option("--base64", "in base64")
    .option("--output <file>", "into a file that only you may read")
    .addHelpText(
      "after",
      examples([
        "promferry targets user-data --url https://targets.example:9180 --join-token-file token --output user-data",
        "promferry targets user-data --image-script > prepare-image.sh",
      ]),
    )
    .action(onRun(async () => (await import("./commands/targets-user-data.ts")).targetsUserData));

  targets
    .command("lint")
    .description("Finds what will not work in user data, or is open to others; exit 1 then. Talks to nobody.")
    .argument("[file]", "user data; - or nothing is standard input", "-")
    .addOption(
      new Option("--os <name>", "distribution of the image (default: packages are not judged)").choices(
        SYSTEMS,
      ),
    )
    .addOption(new Option("--provider <name>", "whose size limit holds").choices(PROVIDERS))
    .addHelpText("after", examples(["promferry targets lint user-data.yaml --os debian --provider ec2"]))
    .action(onRun(async () => (await import("./commands/targets-lint.ts")).targetsLint));

  const online = (name: string, description: string): Command =>
    targets
      .command(name)
      .description(description)
      .option("--url <address>", "the target service (default: targets.url, else http://127.0.0.1:9180)")
      .option("--token-file <file>", "our token for it (default: targets.token_file)")
      .option("--ca-file <file>", "certificates that its own must come from, PEM");

  online("join-token", "Makes a token that lets one instance in, once.")
    .requiredOption("--project <id>", "project of the instance")
    .requiredOption("--service <id>", "service of the instance")
    .requiredOption("--range <cidr>", "where its addresses must lie, repeatable", collectValues, [])
    .option("--endpoint <name[:port]>", "what it may register, repeatable (default: node)", collectValues, [])
    .option("--instance-id <id>", "the only instance that may use it")
    .option("--scope <name>", "network in which addresses are unique")
    .option("--label <name=value>", "label of its targets, repeatable", collectValues, [])
    .addOption(durationOption("--ttl <duration>", "how long it is good (default: 30m)"))
    .option("--output <file>", "into a file that only you may read")
    .addHelpText(
      "after",
      examples([
        "promferry targets join-token --project p-1 --service web --range 10.0.0.0/24 --output token",
      ]),
    )
    .action(onRun(async () => (await import("./commands/targets-join-token.ts")).targetsJoinToken));

  online("list", "Lists instances.")
    .option("--project <id>")
    .option("--service <id>")
    .option("--scope <name>")
    .option("--endpoint <name>", "with at least one such endpoint")
    .option("--state <state>", "expected, active, lost, draining or removed")
    .addHelpText("after", examples(["promferry targets list --state lost"]))
    .action(onRun(async () => (await import("./commands/targets-list.ts")).targetsList));

  online("show", "Shows an instance and what happened to it.")
    .argument("<id>", "the instance")
    .action(onRun(async () => (await import("./commands/targets-show.ts")).targetsShow));

  online("drain", "Says goodbye for an instance, with its own key; its next heartbeat brings it back.")
    .argument("<id>", "the instance")
    .requiredOption("--key-file <file>", "the instance's own key")
    .action(onRun(async () => (await import("./commands/targets-drain.ts")).targetsDrain));

  online("remove", "Takes instances off the lists, at once and for good.")
    .argument("<id...>", "the instances")
    .option("--reason <word>", "for the history")
    .action(onRun(async () => (await import("./commands/targets-remove.ts")).targetsRemove));

  online("init", "Says that a new store is the right one: its lists are served from now on.")
    .option("--force", "also when Prometheus scrapes targets that the store lacks")
    .action(onRun(async () => (await import("./commands/targets-init.ts")).targetsInit));

  online("sync", "Keeps the files that file_sd watches equal to the service's lists, until it is stopped.")
    .requiredOption("--into <folder>", "the watched folder; nothing else may write *.json there")
    .option("--endpoint <name>", "a list, repeatable (default: node)", collectValues, [])
    .option("--project <id>", "of one project")
    .option("--scope <name>", "of one network")
    .option("--shard <index/count>", "this Prometheus' part, 0/4 is the first of four")
    .option("--once", "write them once and end")
    .addHelpText(
      "after",
      examples(["promferry targets sync --into /etc/prometheus/targets --endpoint node --endpoint app"]),
    )
    .action(onRun(async () => (await import("./commands/targets-sync.ts")).targetsSync));

  online("simulate", "Plays instances on 127/8 against a service on this machine.")
    .option("--instances <count>", "how many join", positiveInteger, 10)
    .option("--project <id>", "their project", "demo")
    .option("--service <id>", "their service", "web")
    .option("--network <a.b>", "first two parts of their addresses", "127.40")
    .option("--port <port>", "of their exporters", positiveInteger, 9_100)
    .addOption(durationOption("--duration <duration>", "from the last join to the end", 60_000, "1m"))
    .addOption(
      durationOption("--heartbeat <duration>", "time between heartbeats (default: as the service says)"),
    )
    .option("--reboot <count>", "how many reboot", wholeNumber, 1)
    .option("--die <count>", "how many die", wholeNumber, 1)
    .option("--cut-off <count>", "how many lose their network for a while", wholeNumber, 1)
    .option("--stay", "no goodbyes at the end")
    .option("--serve", "an exporter on each address, for Prometheus to scrape")
    .addHelpText(
      "after",
      examples([
        "promferry targets simulate --instances 100 --heartbeat 5s --serve --token-file platform.token",
      ]),
    )
    .action(onRun(async () => (await import("./commands/targets-simulate.ts")).targetsSimulate));
}
