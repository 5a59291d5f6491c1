import type { DestinationStatus, ShipStatus } from "@promferry/uploader";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { ScrapeStats } from "../scrape/scrape-manager.ts";

/** What an agent is doing, as of now. */
export interface AgentStatus {
  readonly scraping: ScrapeStats;
  readonly shipping: ShipStatus;
  /** Pages that could not be written to the queue are in `scraping.pagesLost`. */
  readonly reloads: { readonly ok: number; readonly failed: number };
  readonly version: string;
}

const PREFIX = "promferry_agent_";

/** The agent's own page, in the Prometheus text format; with the metrics of its process. */
export function createAgentPage(
  status: () => Promise<AgentStatus>,
  now: () => number,
): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: `${PREFIX}${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: `${PREFIX}${name}`, help, labelNames: [...labelNames], registers: [registry] });

  const info = gauge("info", "Version of the agent.", ["version"]);
  const targets = gauge("targets", "Targets by state.", ["state"]);
  const series = gauge("series", "Series that are remembered, over all targets.");
  const scrapes = counter("scrapes_total", "Scrapes.");
  const failed = counter("scrapes_failed_total", "Scrapes that brought no page.");
  const skipped = counter(
    "scrapes_skipped_total",
    "Scrapes left out because the one before was still under way.",
  );
  const pagesLost = counter("pages_lost_total", "Pages that could not be written to the queue.");
  const discovery = counter("discovery_failures_total", "Lists of targets that could not be had.");
  const active = gauge(
    "shipping_active",
    "1 while this process may send, 0 while another one has the queue.",
  );
  const queueBytes = gauge("queue_bytes", "Size of the queue: segments, quarantine and rejected samples.");
  const segments = gauge("queue_segments", "Segments of the queue.");
  const damaged = gauge(
    "queue_damaged_stretches",
    "Stretches of segments without a valid frame, since the start.",
  );
  const reloads = counter("config_reloads_total", "Reloads of the configuration by outcome.", ["result"]);

  const of = ["destination"] as const;
  const accepted = counter("accepted_samples_total", "Samples that the receiver took.", of);
  const refused = counter("refused_samples_total", "Samples that the receiver will never take.", of);
  const unknown = counter(
    "unknown_samples_total",
    "Samples of which nobody can say whether they arrived.",
    of,
  );
  const lost = counter("lost_frames_total", "Scrapes deleted for want of room before they were sent.", of);
  const backlog = gauge("backlog_bytes", "Bytes of the queue that the receiver lacks.", of);
  const age = gauge(
    "oldest_unsent_age_seconds",
    "Age of the oldest scrape that the receiver lacks; 0: none.",
    of,
  );
  const failing = gauge("destination_failing", "1 while the last attempt to send has failed.", of);

  const show = (name: string, status: DestinationStatus) => {
    const labels = { destination: name };
    accepted.inc(labels, status.accepted);
    refused.inc(labels, status.refused);
    unknown.inc(labels, status.unknown);
    lost.inc(labels, status.lostFrames);
    backlog.set(labels, status.backlogBytes);
    const { oldestUnsentMs } = status;
    age.set(labels, oldestUnsentMs === undefined ? 0 : Math.max(0, (now() - oldestUnsentMs) / 1000));
    failing.set(labels, status.failure === undefined ? 0 : 1);
  };

  return async () => {
    const { scraping, shipping, reloads: reloaded, version } = await status();
    for (const each of [accepted, refused, unknown, lost, backlog, age, failing]) each.reset();
    for (const each of [scrapes, failed, skipped, pagesLost, discovery, reloads]) each.reset();
    info.set({ version }, 1);
    targets.set({ state: "up" }, scraping.targetsUp);
    targets.set({ state: "down" }, scraping.targets - scraping.targetsUp);
    targets.set({ state: "dropped" }, scraping.targetsDropped);
    targets.set({ state: "refused" }, scraping.targetsRefused);
    series.set(scraping.series);
    scrapes.inc(scraping.scrapes);
    failed.inc(scraping.scrapesFailed);
    skipped.inc(scraping.scrapesSkipped);
    pagesLost.inc(scraping.pagesLost);
    discovery.inc(scraping.discoveryFailures);
    active.set(shipping.isActive ? 1 : 0);
    queueBytes.set(shipping.queueBytes);
    segments.set(shipping.segments);
    damaged.set(shipping.damaged);
    reloads.inc({ result: "ok" }, reloaded.ok);
    reloads.inc({ result: "failed" }, reloaded.failed);
    for (const each of shipping.destinations) show(each.name, each);
    return registry.metrics();
  };
}
