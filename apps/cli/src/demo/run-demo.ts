import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Collector, createCollector } from "@promferry/collector";
import { type UploadReport, upload } from "@promferry/uploader";
import { cliVersion } from "../cli-version.ts";
import { loadConfig } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { startReceiver } from "../receiver/receiver.ts";
import { collectPages } from "../scrape/collect-pages.ts";
import { parseTargets } from "../scrape/target.ts";
import { prepareUpload } from "../upload/prepare-upload.ts";
import { serveProcessPage } from "./process-page.ts";
import { type ReadBack, readBack } from "./read-back.ts";
import { createShop, type Product, type Shop } from "./workload.ts";

/** What the demo did, for its summary. */
export interface DemoResult {
  readonly journal: string;
  readonly received: string;
  readonly config: string;
  readonly receiverUrl: string;
  /** What the workload did, by its own count. */
  readonly orders: Readonly<Record<Product, number>>;
  /** What the receiver's journal says of it. */
  readonly ordersRead: Readonly<Record<Product, number>>;
  readonly pageSamples: number;
  readonly pageScrapes: number;
  readonly report: UploadReport;
  readonly back: ReadBack;
  readonly durationMs: number;
}

const ROUNDS = 4;
const ROUND_MS = 250;

/**
 * Collects from two runs of a small program and from this process' own page, uploads to a receiver on
 * this machine by the code of `upload-metrics`, and reads back what arrived. Everything that it starts
 * is stopped when the promise settles.
 *
 * @param dir Gets `config.yaml`, `journal` and `received`.
 * @param onStarted Called whenever another collector watches for the process' end.
 */
export async function runDemo(context: Context, dir: string, onStarted: () => void): Promise<DemoResult> {
  const { io } = context;
  const begin = performance.now();
  const journal = join(dir, "journal");
  const received = join(dir, "received");
  const config = join(dir, "config.yaml");
  await mkdir(dir, { recursive: true, mode: 0o700 });

  const shops = [createShop(1), createShop(2)];
  const pages = await collect(context, shops, { dir: journal, onStarted });
  const receiver = await startReceiver({
    dir: received,
    dayBoundary: "local",
    now: io.now,
    host: "127.0.0.1",
    port: 0,
  });
  try {
    await writeFile(config, demoConfig(receiver.url), { mode: 0o600 });
    // The demo's data is nobody's: what the environment says about telemetry is not about it.
    const own = { ...io, env: {} };
    const source = { ...context.source, configFlag: config, dirFlag: journal, env: {} };
    const prepared = await prepareUpload(
      { ...context, io: own, source, settings: () => loadConfig(source) },
      { now: true },
      { dryRun: false },
    );
    const report = await upload(prepared.options);
    io.signal.throwIfAborted();
    const back = await readBack(received);
    const read = back.newestBy("shop_orders_total", "product");
    return {
      journal,
      received,
      config,
      receiverUrl: receiver.url,
      orders: sumOrders(shops),
      ordersRead: { coffee: read.get("coffee") ?? 0, tea: read.get("tea") ?? 0, cake: read.get("cake") ?? 0 },
      ...pages,
      report,
      back,
      durationMs: performance.now() - begin,
    };
  } finally {
    await receiver.close();
  }
}

/** Two runs at once, as in two terminals, while this process' own page is scraped. */
async function collect(
  { io, out }: Context,
  shops: readonly Shop[],
  { dir, onStarted }: { readonly dir: string; readonly onStarted: () => void },
): Promise<Pick<DemoResult, "pageSamples" | "pageScrapes">> {
  const collectors: Collector[] = shops.map(({ metrics }) =>
    createCollector({
      catalogue: metrics,
      dir,
      app: "shop",
      version: cliVersion(),
      consent: { flag: true },
      env: {},
    }),
  );
  const page = await serveProcessPage();
  const counts = { pageSamples: 0, pageScrapes: 0 };
  const done = new AbortController();
  const signal = AbortSignal.any([io.signal, done.signal]);
  const scraping = collectPages({
    dir,
    targets: parseTargets([page.url], "demo"),
    intervalMs: ROUND_MS,
    timeoutMs: 5_000,
    dayBoundary: "local",
    once: false,
    signal,
    now: io.now,
    onScrape: ({ page }) => {
      counts.pageSamples += page.sampleCount;
      counts.pageScrapes++;
    },
  }).catch((error: unknown) => (signal.aborted ? undefined : error));
  try {
    for (const collector of collectors) {
      const started = collector.start();
      // From its very call on the collector writes once more when the process ends.
      onStarted();
      await started;
    }
    for (let round = 1; round <= ROUNDS; round++) {
      out.progress(`collecting, round ${round} of ${ROUNDS}`);
      for (const shop of shops) shop.work();
      await sleep(ROUND_MS, undefined, { signal: io.signal }).catch(() => io.signal.throwIfAborted());
      for (const collector of collectors) await collector.flush();
    }
  } finally {
    done.abort();
    for (const collector of collectors) await collector.stop();
    await scraping;
    await page.close();
    out.progress("");
  }
  const failure = await scraping;
  if (failure !== undefined) throw failure;
  return counts;
}

function sumOrders(shops: readonly Shop[]): Record<Product, number> {
  const sum = { coffee: 0, tea: 0, cake: 0 };
  for (const { orders } of shops) {
    for (const product of Object.keys(sum) as Product[]) sum[product] += orders[product];
  }
  return sum;
}

function demoConfig(receiverUrl: string): string {
  return `# What \`promferry demo\` used. Change the url to a real server's and run upload-metrics.
app: shop
metrics:
  dir: journal
  destinations:
    - name: demo
      type: prometheus
      url: ${receiverUrl}/api/v1/write
`;
}
