import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { LONGEST_TIMER_MS } from "@promferry/core/delivery";
import { openJournal, segmentPlace } from "@promferry/core/journal";
import { type Shipper, startShipper } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { cliVersion } from "../cli-version.ts";
import { formatByteSize } from "../config/byte-size.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { listenAddress } from "../receiver/listen-address.ts";
import { stopCode } from "../report-error.ts";
import { createScrapeManager, type ScrapeManager } from "../scrape/scrape-manager.ts";
import type { ScrapedPage } from "../scrape/scraped-page.ts";
import { cleanupFor } from "../upload/cleanup.ts";
import { createAgentPage } from "./agent-metrics.ts";
import { type AgentFlags, type AgentPlan, planAgent } from "./agent-plan.ts";
import { type AgentServer, startAgentServer } from "./agent-server.ts";
import { type AgentTeller, createAgentTeller } from "./agent-teller.ts";
import { createPageWriter } from "./page-writer.ts";

/**
 * Scrapes and ships until it is stopped; reads its configuration again on SIGHUP.
 *
 * @throws {CliError} It can't begin: settings, folder, address, or another process has the queue.
 * @throws {LedgerError} The queue's ledger is damaged, or of a later version.
 */
export async function runAgent(context: Context, flags: AgentFlags): Promise<ExitCode> {
  const { io, out } = context;
  const { signal, now } = io;
  let plan = await planAgent(context, flags);
  const { dir } = plan;
  await checkDirectory(dir, now);
  const teller = createAgentTeller(out, now);
  for (const message of plan.notes) teller.tell({ event: "note", message });

  let isTaken = (_message: string): void => {};
  const busy = new Promise<never>((_, reject) => {
    isTaken = (message) => reject(taken(message));
  });
  busy.catch(() => {});
  const shipper = startShipper({
    dir,
    targets: plan.targets,
    // A program's own telemetry goes by its user's word, with `upload-metrics`.
    mayLeave: ({ header }) => (header.origin === "scrape" ? true : "an agent sends scraped pages only"),
    maxBytes: plan.maxBytes,
    cleanup: cleanupFor(plan.settings.metrics),
    onEvent: (event) => {
      if (event.kind === "busy") isTaken(event.message);
      teller.ship(event);
    },
    now,
  });
  const begun = new AbortController();
  try {
    await Promise.race([busy, shipper.ended, isActive(shipper, AbortSignal.any([signal, begun.signal]))]);
  } catch (error) {
    await shipper.stop(AbortSignal.abort());
    throw error;
  } finally {
    begun.abort();
  }
  const { day_boundary: dayBoundary } = plan.settings.metrics;
  const writer = createPageWriter({
    dir,
    dayBoundary,
    maxBytes: plan.maxBytes,
    now,
    onWritten: () => shipper.wake(),
  });
  const watch = watchPages(teller);
  const scraper = createScrapeManager({
    jobs: plan.jobs,
    onPage: async (page) => {
      await writer.write(page);
      watch(page);
      const { target, sampleCount, durationMs, error } = page;
      out.detail(
        `${target.url}: ${error ?? `${count(sampleCount, "sample")} in ${Math.round(durationMs)} ms`}`,
      );
    },
    onProblem: (problem) => teller.scrape(problem),
    wantsNative: () => plan.wantsNative(),
    now,
    offsetSeed: hostname(),
  });

  const reloads = { ok: 0, failed: 0 };
  const server = await serve({ context, plan, scraper, shipper, reloads }).catch(async (error: unknown) => {
    await shipper.stop(AbortSignal.abort());
    throw error;
  });
  const failed = new AbortController();
  shipper.ended.catch((error: unknown) => failed.abort(error));
  const over = AbortSignal.any([signal, failed.signal]);
  let reloading: Promise<void> = Promise.resolve();
  const stopListening = io.onHangup(() => {
    reloading = reloading.then(reload);
  });

  async function reload(): Promise<void> {
    if (over.aborted) return;
    try {
      const next = await planAgent(context, flags);
      await scraper.reload(next.jobs);
      await shipper.retarget(next.targets);
      const fixed = (["dir", "listen", "maxBytes"] as const).filter((key) => next[key] !== plan[key]);
      plan = { ...next, dir };
      reloads.ok++;
      const late = fixed.length > 0 ? `; ${fixed.join(", ")} will hold after a restart` : "";
      teller.tell({ event: "reloaded", message: `reloaded: ${describe(plan)}${late}` });
    } catch (error) {
      if (over.aborted) return;
      reloads.failed++;
      const { message } = error as Error;
      teller.tell({
        event: "reload-failed",
        message: `not reloaded, the old configuration holds: ${message}`,
      });
    }
  }

  const where = server === undefined ? "" : `; ${server.url}/metrics tells how it is`;
  teller.tell({ event: "started", message: `${describe(plan)}; queue in ${dir}${where}` });
  if (!over.aborted) scraper.start();
  await aborted(over);
  stopListening();

  const grace = AbortSignal.timeout(Math.min(plan.graceMs, LONGEST_TIMER_MS));
  const finish = async () => {
    await scraper.stop();
    await writer.close();
    await shipper.stop(grace);
  };
  await Promise.race([Promise.all([finish(), reloading]), aborted(grace)]);
  const { destinations } = await shipper.status();
  await shipper.stop(grace);
  await server?.close();
  if (failed.signal.aborted) throw failed.signal.reason;
  const kept = Math.max(0, ...destinations.map(({ backlogBytes }) => backlogBytes));
  const rest =
    kept > 0
      ? `${formatByteSize(kept)} kept in ${dir}, to be sent after the next start`
      : "everything was sent";
  teller.tell({ event: "stopped", message: `stopped; ${rest}` });
  return stopCode(signal.reason);
}

/** Resolves when the queue is this agent's; scraping before would fill a queue that another one sends. */
async function isActive(shipper: Shipper, signal: AbortSignal): Promise<void> {
  while (!shipper.isActive && !signal.aborted) await delay(10);
}

function taken(message: string): CliError {
  return new CliError(EXIT.tryLater, message, {
    hint: "one agent a folder: give this one another with --dir or agent.dir, or start it again when the other process has ended",
  });
}

/** A folder of its own: a program's journal there would be left to nobody while the agent has the lock. */
async function checkDirectory(dir: string, now: () => number): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CliError(EXIT.config, `the queue can't be kept in ${dir}: ${(error as Error).message}`, {
      hint: "give yourself access to the folder, or name another one with --dir",
      cause: error,
    });
  }
  const programs = openJournal(dir, { now, includes: (name) => segmentPlace(name) === undefined });
  const { frames } = await programs.index();
  if (!frames.some(({ header }) => header.origin === "app")) return;
  throw new CliError(EXIT.config, `${dir} holds the journal of a program`, {
    hint: "give the agent a folder of its own with --dir or agent.dir; `promferry upload-metrics` sends that journal",
  });
}

interface Served {
  readonly context: Context;
  readonly plan: AgentPlan;
  readonly scraper: ScrapeManager;
  readonly shipper: Shipper;
  readonly reloads: { readonly ok: number; readonly failed: number };
}

async function serve({ context, plan, scraper, shipper, reloads }: Served): Promise<AgentServer | undefined> {
  if (plan.listen === undefined) return undefined;
  const { host, port } = listenAddress(plan.listen, {
    allowsRemote: plan.allowsRemote,
    exposure: "its page has no authentication",
  });
  const status = async () => ({
    scraping: scraper.stats(),
    shipping: await shipper.status(),
    reloads,
    version: cliVersion(),
  });
  const page = createAgentPage(status, context.io.now);
  const unready = () => (shipper.isActive ? undefined : "another process sends from this queue");
  try {
    return await startAgentServer({ host, port, page, unready });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(EXIT.unavailable, `${plan.listen} can't be listened on (${code ?? "unknown error"})`, {
      hint: "name another port with --listen; port 0 takes a free one",
      cause: error,
    });
  }
}

/** Tells when a page that could not be had is there again; the scrape manager tells the failures. */
function watchPages(teller: AgentTeller): (page: ScrapedPage) => void {
  const failing = new Set<string>();
  return ({ target, error, gone }) => {
    if (gone) failing.delete(target.id);
    else if (error !== undefined) failing.add(target.id);
    else if (failing.delete(target.id)) {
      const source = target.url.replace(/\?.*$/s, "?…");
      teller.tell({ event: "recovered", source, message: `${source}: there again` });
    }
  };
}

/** What is scraped and where it goes, in one line. */
function describe({ jobs, addresses }: AgentPlan): string {
  const named = jobs.slice(0, 3).map(({ config }) => config.job_name.replace(/\?.*$/s, "?…"));
  const more = jobs.length > named.length ? ` and ${jobs.length - named.length} more` : "";
  const places = [...addresses].map(([name, url]) => `${name} (${url})`);
  return `scraping ${named.join(", ")}${more}, sending to ${places.join(", ")}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
