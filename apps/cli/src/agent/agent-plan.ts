import { join } from "node:path";
import type { UploadTarget } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { destinationKind } from "../config/destination-kind.ts";
import { resolveFromConfig, type Settings } from "../config/load-config.ts";
import { type DestinationConfig, destinationSchema } from "../config/schema.ts";
import type { Context } from "../context.ts";
import { createForgetting } from "../credentials/forget-refused.ts";
import { EXIT } from "../exit-codes.ts";
import { prepareScrapeJobs } from "../scrape/prepare-jobs.ts";
import type { ScrapeJob } from "../scrape/scrape-job.ts";
import { parseTargets } from "../scrape/target.ts";
import { jobOfUrl } from "../scrape/url-job.ts";
import { choose } from "../upload/choose.ts";
import { prepareTarget, type TargetPurpose } from "../upload/prepare-target.ts";

export interface AgentFlags {
  /** Pages; instead of `scrape_configs`. */
  readonly scrape: readonly string[];
  /** Receivers; instead of the configuration's destinations. */
  readonly remoteWrite: readonly string[];
  /** Of `remoteWrite`. */
  readonly protocol: 1 | 2 | "auto";
  /** Milliseconds; of `scrape`. */
  readonly interval: number;
  readonly job: string;
  readonly listen?: string;
  readonly allowRemote?: boolean;
  /** Milliseconds. */
  readonly grace?: number;
}

/** What an agent does, as flags and configuration say it. */
export interface AgentPlan {
  readonly settings: Settings;
  /** Absolute: the agent's own. */
  readonly dir: string;
  readonly maxBytes: number;
  readonly listen: string | undefined;
  readonly allowsRemote: boolean;
  readonly graceMs: number;
  readonly jobs: readonly ScrapeJob[];
  readonly targets: readonly UploadTarget[];
  /** By destination, without credentials. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Whether any destination takes native histograms, as far as is known by now. */
  readonly wantsNative: () => boolean;
  readonly notes: readonly string[];
}

const SCRAPE_TIMEOUT_MS = 10_000;

/**
 * Reads the configuration and puts together what is scraped and where it goes.
 *
 * @throws {CliError} Exit 2 or 78: nothing to scrape, nowhere to send it, or settings that can't work.
 */
export async function planAgent(context: Context, flags: AgentFlags): Promise<AgentPlan> {
  const settings = await context.settings();
  const dir = agentDirectory(context, settings);
  const jobs = await jobsOf(context, settings, flags);
  const { configs, notes } = destinationsOf(settings, flags);
  // Scraped pages have no user, so none is made up for them.
  const takers = new Set(
    configs.filter(({ type }) => destinationKind(type) === "remote-write").map(({ name }) => name),
  );
  const secrets: TargetPurpose["secrets"] = new Map();
  const purpose: TargetPurpose = {
    dryRun: false,
    secrets,
    // It runs for longer than many a credential is good.
    onRefused: createForgetting(secrets, context.io.now),
    createsKey: false,
    onNativeRefused: (name) => takers.delete(name),
  };
  const targets: UploadTarget[] = [];
  for (const config of configs) {
    const prepared = await prepareTarget(context, { ...settings, dir }, config, purpose);
    targets.push(prepared.target);
  }
  const { max_bytes: maxBytes, listen, allow_remote: allowsRemote, grace } = settings.agent;
  return {
    settings,
    dir,
    maxBytes,
    listen: flags.listen ?? listen,
    allowsRemote: flags.allowRemote ?? allowsRemote,
    graceMs: flags.grace ?? grace,
    jobs,
    targets,
    addresses: new Map(configs.map(({ name, url }) => [name, shownUrl(url)])),
    wantsNative: () => takers.size > 0,
    notes,
  };
}

/** `--dir`, else `agent.dir`, else `~/.promferry/agent`; `PROMFERRY_DIR` names a program's journal. */
function agentDirectory({ source, io }: Context, settings: Settings): string {
  if (source.dirFlag !== undefined) return settings.dir;
  const { dir } = settings.agent;
  return dir === undefined
    ? join(io.home, ".promferry", "agent")
    : resolveFromConfig(dir, settings.file, io.home);
}

async function jobsOf(
  context: Context,
  settings: Settings,
  { scrape, interval, job }: AgentFlags,
): Promise<readonly ScrapeJob[]> {
  if (scrape.length > 0) {
    const times = { intervalMs: interval, timeoutMs: SCRAPE_TIMEOUT_MS };
    return parseTargets(scrape, job).map((target) => jobOfUrl(target, times));
  }
  if (settings.scrape_configs.length > 0) return prepareScrapeJobs(context, settings);
  throw new CliError(EXIT.config, "there is nothing to scrape", {
    hint: `name a page with --scrape, or list some under scrape_configs in ${settings.file}`,
  });
}

function destinationsOf(
  settings: Settings,
  { remoteWrite, protocol }: AgentFlags,
): { configs: readonly DestinationConfig[]; notes: readonly string[] } {
  if (remoteWrite.length > 0) {
    const names = new Set<string>();
    return { configs: remoteWrite.map((url) => destinationOfUrl(url, protocol, names)), notes: [] };
  }
  if (settings.metrics.destinations.length === 0) {
    throw new CliError(EXIT.config, "there is nowhere to send it", {
      hint: `name a receiver with --remote-write, or list one under metrics.destinations in ${settings.file}`,
    });
  }
  const { destinations } = choose(settings, {});
  const configs = destinations.filter(({ type }) => type !== "pushgateway");
  const left = destinations.filter(({ type }) => type === "pushgateway").map(({ name }) => name);
  if (configs.length === 0) {
    throw new CliError(
      EXIT.config,
      `${left.join(", ")} keeps the latest values only, and an agent sends a history`,
      {
        hint: "add a destination of another type; a Pushgateway is for jobs that end, by `promferry upload-metrics`",
      },
    );
  }
  const notes = left.map((name) => `${name} is left out: a Pushgateway keeps the latest values only`);
  return { configs, notes };
}

/** The destination of a URL on the command line; its name, and so its place in the ledger, comes from host and port. */
function destinationOfUrl(
  url: string,
  protocol: AgentFlags["protocol"],
  names: Set<string>,
): DestinationConfig {
  const fail = (what: string) =>
    new CliError(EXIT.usage, `--remote-write ${shownUrl(url)}: ${what}`, {
      hint: "name an endpoint such as http://localhost:9090/api/v1/write; credentials stand in the configuration",
    });
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw fail("expected a URL that begins with http:// or https://");
  }
  const parsed = new URL(url);
  if (parsed.username || parsed.password) throw fail("a user name or password may not stand in it");
  const host = parsed.host.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^[^A-Za-z0-9]+|-+$/g, "");
  let name = host;
  for (let n = 2; names.has(name); n++) name = `${host}-${n}`;
  names.add(name);
  return destinationSchema.parse({ name, type: "remote-write", url, protocol });
}

/** Without user, password and query, which may hold secrets. */
function shownUrl(text: string): string {
  return text.replace(/\/\/[^/@]*@/, "//…@").replace(/\?.*$/s, "?…");
}
