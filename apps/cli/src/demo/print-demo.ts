import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import type { Output } from "../output.ts";
import { shellQuote } from "../schedule/schedule.ts";
import type { DemoResult } from "./run-demo.ts";
import type { Product } from "./workload.ts";

/** Tells what happened, where to look, and what to try next. */
export async function printDemo(out: Output, result: DemoResult, isKept: boolean): Promise<void> {
  const { line, style } = out;
  const { orders, ordersRead, report, back } = result;
  const products = Object.keys(orders) as Product[];
  const total = products.reduce((sum, product) => sum + orders[product], 0);
  const sent = report.destinations[0];
  const requests = sent?.requests ?? 0;

  line();
  line(
    `${style.bold("promferry demo")}  real input, no servers needed, ${(result.durationMs / 1000).toFixed(1)} s`,
  );
  line();
  line(`${style.bold("1  Collected")}  into a journal, one readable file a day`);
  line(`   two runs of a small shop at once  ${total} orders`);
  line(`   this process' own /metrics page   ${result.pageSamples} samples in ${result.pageScrapes} scrapes`);
  line();
  for (const text of await peek(result.journal)) line(style.dim(`   | ${text}`));
  line();
  line(`${style.bold("2  Sent")}  by remote write, as upload-metrics does it`);
  line(
    `   ${sent?.accepted ?? 0} samples in ${requests === 1 ? "1 request" : `${requests} requests`} to ${result.receiverUrl}/api/v1/write`,
  );
  line();
  line(
    `${style.bold("3  Read back")}  from the receiver's own journal: ${back.samples} samples of ${back.series} series`,
  );
  line(style.dim("   shop_orders_total, the two runs in one series   counted   read back"));
  for (const product of products) {
    const isEqual = orders[product] === ordersRead[product];
    const mark = isEqual ? style.green("same") : style.red("DIFFERENT");
    line(
      `   {product="${product}"}`.padEnd(48) +
        pad(orders[product]) +
        pad(ordersRead[product], 12) +
        `   ${mark}`,
    );
  }
  line();
  line(style.bold("Where to look"));
  if (isKept) {
    line(`   journal        ${result.journal}`);
    line(`   received       ${result.received}`);
    line(`   configuration  ${result.config}`);
    line(`   promferry status --config ${shellQuote(result.config)}`);
    line(`   promferry export --format jsonl --dir ${shellQuote(result.received)}`);
  } else {
    line("   Everything was stopped and removed. `promferry demo --dir ./demo` keeps it to look at.");
  }
  line();
  line(style.bold("Next, with a real Prometheus"));
  line("   prometheus --web.enable-remote-write-receiver --config.file=prometheus.yml");
  line("   promferry collect http://localhost:9100/metrics --once        any page of yours");
  line(
    "   promferry config check                                        once ~/.promferry/config.yaml names it",
  );
  line("   promferry upload-metrics --dry-run                            see what would go");
  line("   promferry upload-metrics");
  line();
}

function pad(value: number, width = 10): string {
  return String(value).padStart(width);
}

/** The first lines of the first frame that has samples. */
async function peek(dir: string): Promise<string[]> {
  const { frames } = await openJournal(dir).index();
  const frame = frames.find(({ header, sampleCount }) => header.origin === "app" && sampleCount > 0);
  if (!frame) return [];
  const bytes = await readFile(join(dir, frame.file));
  const text = bytes.subarray(frame.offsetBytes, frame.offsetBytes + frame.lengthBytes).toString("utf8");
  const lines = text.split("\n").filter((each) => !each.startsWith("# Session:"));
  return [...lines.slice(0, 4), "..."].map((each) => (each.length > 96 ? `${each.slice(0, 96)}…` : each));
}
