/** The command line: the service itself, and what an operator does to its store and its tokens. */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import type { StoreRecord, TargetStore } from "@promferry/target-registry/store";
import { StoreError } from "@promferry/target-registry/store";
import { Command, CommanderError } from "commander";
import type { Caller } from "./auth/caller.ts";
import { addToken, mintToken } from "./auth/token-file.ts";
import { loadSettings } from "./config/load-settings.ts";
import { type Settings, SettingsError } from "./config/settings.ts";
import { makeFirstToken, tryLine } from "./first-token.ts";
import { openStore } from "./open-store.ts";
import { openPrometheus } from "./prometheus/open-prometheus.ts";
import { runService } from "./run-service.ts";
import { runServiceMetrics } from "./service-metrics/run-service-metrics.ts";

interface GlobalOptions {
  readonly config?: string;
}

interface TokenOptions {
  readonly name: string;
  readonly project?: string;
  readonly range?: readonly string[];
  readonly endpoint?: readonly string[];
}

/** sysexits: wrong use, no service, bad configuration. */
const EXIT = { usage: 64, unavailable: 69, config: 78 } as const;

const OPERATOR = { actor: "operator" } as const;

/** Runs one command. @returns The exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = new Command("promferry-targets")
    .description("Instances register themselves here while they are created; Prometheus finds them.")
    .option("--config <file>", "configuration; default: $PROMFERRY_TARGETS_CONFIG, else none")
    .exitOverride();
  const settingsOf = (): Promise<Settings> => loadSettings(program.opts<GlobalOptions>().config, process.env);

  program
    .command("serve", { isDefault: true })
    .description("runs the service until SIGTERM or SIGINT")
    .option("--accept-new-store", "serve lists from a store that is new: there was none before")
    .action(async ({ acceptNewStore = false }: { acceptNewStore?: boolean }) => {
      const settings = await settingsOf();
      await serve({ ...settings, acceptNewStore: settings.acceptNewStore || acceptNewStore });
    });

  program
    .command("init")
    .description(
      "says that the configured store is the right one, and asks no Prometheus: lists are served from now on",
    )
    .action(async () => {
      const settings = await settingsOf();
      await withStore(settings, (store) => store.setAuthoritative(OPERATOR));
      print("lists are served from this store now");
    });

  program
    .command("token <role>")
    .description("adds a token to the token file: platform, registrar or reader; shown once")
    .requiredOption("--name <name>", "who it is for, as audit and history show it")
    .option("--project <id>", "the only project that it is for")
    .option("--range <cidr...>", "the only addresses that a registrar may register")
    .option("--endpoint <name...>", "the only lists that a reader may read")
    .action(async (role: string, given: TokenOptions) => {
      const settings = await settingsOf();
      const { text, lines } = mintToken(callerOf(role, given));
      await mkdir(dirname(settings.tokensFile), { recursive: true, mode: 0o700 });
      await addToken(settings.tokensFile, lines);
      print(text);
    });

  program
    .command("export")
    .description("writes the store as JSON lines to standard output; writes are refused meanwhile")
    .option("--stay-frozen", "writes stay refused: the other store takes over")
    .action(async ({ stayFrozen = false }: { stayFrozen?: boolean }) => {
      const settings = await settingsOf();
      const stopping = new AbortController();
      const { signal } = stopping;
      // Whoever ends it in the middle would leave a store that takes no writes.
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.once(name, () => stopping.abort(new Error(`export: stopped by ${name}`)));
      }
      await withStore(settings, async (store) => {
        await store.freeze(OPERATOR).catch((error: unknown) => {
          // Else nothing could end what an export that was killed has begun.
          if (!(error instanceof StoreError && error.code === "ERR_STORE_FROZEN")) throw error;
          process.stderr.write("promferry-targets: frozen already, by an export that runs or was killed\n");
        });
        try {
          for await (const record of store.export()) {
            signal.throwIfAborted();
            const line = `${JSON.stringify(record)}\n`;
            if (!process.stdout.write(line)) await once(process.stdout, "drain", { signal });
          }
        } catch (error) {
          throw signal.aborted ? signal.reason : error;
        } finally {
          if (!stayFrozen) await store.thaw(OPERATOR);
        }
      });
    });

  program
    .command("import <file>")
    .description("fills an empty store from an export; all or nothing")
    .action(async (file: string) => {
      await withStore(await settingsOf(), (store) => store.import(recordsOf(file)));
    });

  try {
    await program.parseAsync(["node", "promferry-targets", ...args]);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    const { message } = error as Error;
    process.stderr.write(`promferry-targets: ${message}\n`);
    if (error instanceof SettingsError) return EXIT.config;
    return error instanceof StoreError ? EXIT.unavailable : 1;
  }
}

async function serve(settings: Settings): Promise<void> {
  // Where a machine has much memory, V8 gives young objects 128 MiB. With 1 MiB the service works as fast (bench).
  setFlagsFromString("--semi-space-growth-factor=1");
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  const store = await openStore(settings);
  const first = await makeFirstToken(settings.tokensFile, settings.dataDir, process.stdout.isTTY === true);
  const start = async () => {
    const prometheus = await openPrometheus(settings.prometheus, process.env);
    const metrics = runServiceMetrics({ settings, store, prometheus });
    const asked = prometheus && { prometheus };
    return { metrics, ...(await runService({ settings, store, ...asked, extraRoutes: metrics.routes })) };
  };
  const service = await start().catch(async (error: unknown) => {
    await store.close();
    // Nobody was told the token; the next start makes another one.
    if (first !== undefined) await rm(settings.tokensFile, { force: true });
    throw error;
  });
  print(`promferry-targets listens on ${service.url}`);
  if (first !== undefined) {
    print(
      first.file === undefined
        ? `first platform token, shown once: ${first.text}`
        : `first platform token: ${first.file}`,
    );
    print(`try: ${tryLine(service.url, first)}`);
  }
  if (!(await store.info()).authoritative) {
    print("the store is new: lists are refused until `promferry targets init` or POST /v1/sd/confirm");
  }
  const reload = (): void => {
    service
      .reloadTls()
      .catch((error: Error) => process.stderr.write(`promferry-targets: ${error.message}\n`));
  };
  process.on("SIGHUP", reload);
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
  await service.metrics.stop();
  await service.stop();
  process.off("SIGHUP", reload);
}

async function withStore(settings: Settings, work: (store: TargetStore) => Promise<void>): Promise<void> {
  const store = await openStore(settings);
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

function callerOf(
  role: string,
  { name, project, range, endpoint }: TokenOptions,
): Exclude<Caller, { role: "instance" }> {
  // A token that may do more than was asked for would be handed on as if it could not.
  const useless = {
    platform: { "--project": project, "--range": range, "--endpoint": endpoint },
    registrar: { "--endpoint": endpoint },
    reader: { "--range": range },
  }[role];
  for (const [option, value] of Object.entries(useless ?? {})) {
    if (value !== undefined) throw new SettingsError(`a ${role}'s token can't be limited with ${option}`);
  }
  switch (role) {
    case "platform":
      return { role, name };
    case "registrar":
      if (project === undefined) throw new SettingsError("a registrar needs --project");
      return { role, name, project, ...(range && { ranges: range }) };
    case "reader":
      return { role, name, ...(project && { project }), ...(endpoint && { endpoints: endpoint }) };
    default:
      throw new SettingsError(`expected platform, registrar or reader, got ${role.slice(0, 40)}`);
  }
}

async function* recordsOf(file: string): AsyncGenerator<StoreRecord> {
  let n = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    n += 1;
    if (line !== "") yield recordOf(line, `${file}:${n}`);
  }
}

function recordOf(line: string, place: string): StoreRecord {
  try {
    return JSON.parse(line) as StoreRecord;
  } catch (error) {
    throw new StoreError("ERR_STORE_DAMAGED", `import: ${place}: expected a line of JSON`, { cause: error });
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
