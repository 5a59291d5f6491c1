import { join } from "node:path";
import { expect, test } from "vitest";
import {
  query,
  requireServer,
  samplesOf,
  startPrometheus,
  startPushgateway,
  startSource,
  workspaceRoot,
} from "./harness/index.ts";

const MAIN = join(workspaceRoot, "apps/demo-pusher/src/main.ts");
const LABELS = { instance: "example-app", job: "example_metrics_pusher" };
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** What had happened by the end of one of the workload's seconds. */
interface Second {
  /** By series. */
  readonly values: ReadonlyMap<string, number>;
  /** Of all requests so far, in order. */
  readonly durations: readonly number[];
}

type Event =
  | ["request", number]
  | ["job", type: string, status: string]
  | ["connections", number]
  | ["temperature", number];

/** The workload's seconds, added up from its trace alone. */
function secondsOf(trace: string): Second[] {
  const seconds: Second[] = [];
  const durations: number[] = [];
  const jobs = new Map<string, number>();
  const job = (type: string, status: string) => `app_jobs_processed_total{job_type=${type},status=${status}}`;
  for (const type of ["email", "report", "backup"]) {
    for (const status of ["success", "failed"]) jobs.set(job(type, status), 0);
  }
  const bucket = (le: string, bound: number): [string, number] => [
    `app_request_duration_seconds_bucket{le=${le}}`,
    durations.filter((duration) => duration <= bound).length,
  ];
  let open = Number.NaN;
  for (const line of trace.trimEnd().split("\n")) {
    const event = JSON.parse(line) as Event;
    if (event[0] === "request") durations.push(event[1]);
    else if (event[0] === "job") jobs.set(job(event[1], event[2]), jobs.get(job(event[1], event[2]))! + 1);
    else if (event[0] === "connections") open = event[1];
    else {
      // A second ends with its temperature.
      const values = new Map<string, number>([
        ["app_requests_total{}", durations.length],
        ["app_active_connections{}", open],
        ["app_temperature_celsius{}", event[1]],
        // Prometheus 3 writes whole bounds as floats.
        ...BUCKETS.map((bound) => bucket(Number.isInteger(bound) ? `${bound}.0` : String(bound), bound)),
        bucket("+Inf", Number.POSITIVE_INFINITY),
        ["app_request_duration_seconds_sum{}", durations.reduce((sum, duration) => sum + duration, 0)],
        ["app_request_duration_seconds_count{}", durations.length],
        ...jobs,
      ]);
      seconds.push({ values, durations: [...durations] });
    }
  }
  return seconds;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

test("what the demo pusher did is what Prometheus answers", async (context) => {
  requireServer(context, "pushgateway", "prometheus");
  const gateway = await startPushgateway();
  context.onTestFinished(gateway.stop);
  const prometheus = await startPrometheus({
    scrapeConfigs: [
      {
        job_name: "pushgateway",
        honor_labels: true,
        scrape_interval: "250ms",
        scrape_timeout: "250ms",
        static_configs: [{ targets: [new URL(gateway.url).host] }],
      },
    ],
  });
  context.onTestFinished(prometheus.stop);
  const asked = async (promql: string) =>
    (await query(prometheus.url, promql)).map(({ labels, value }) => ({ labels, value: Number(value) }));
  // Prometheus takes its time before it scrapes at all.
  await expect.poll(() => asked("up"), { timeout: 20_000 }).toMatchObject([{ value: 1 }]);
  const startedMs = Date.now();

  const pusher = await startSource(MAIN, ["--url", gateway.url, "--interval", "1s", "--trace"]);
  context.onTestFinished(pusher.stop);
  await pusher.waitFor(/round 7: pushed/);
  pusher.kill("SIGTERM");
  const { code, stdout, stderr } = await pusher.done;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("last push done") });
  const life = secondsOf(stdout);
  const total = life.at(-1)!.durations.length;

  await expect
    .poll(() => asked("app_requests_total"), { timeout: 10_000 })
    .toEqual([{ labels: { __name__: "app_requests_total", ...LABELS }, value: total }]);

  // Every scraped page is the whole state after one of the workload's seconds.
  const toMs = Date.now();
  const stored = await samplesOf(prometheus.url, '{__name__=~"app_.+"}', startedMs, toMs);
  const secondOf = new Map<number, number>();
  const requests = stored.find(({ labels }) => labels["__name__"] === "app_requests_total")!.samples;
  for (const { timestampMs, value } of requests) {
    secondOf.set(
      timestampMs,
      life.findIndex(({ durations }) => durations.length === Number(value)),
    );
  }
  expect(new Set(secondOf.values()).size).toBeGreaterThanOrEqual(3);
  expect([...secondOf.values()]).not.toContain(-1);
  expect(stored.length).toBe(life[0]!.values.size);
  for (const { labels, samples } of stored) {
    const { __name__, instance, job, ...own } = labels;
    expect({ instance, job }).toEqual(LABELS);
    const pairs = Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1));
    const name = `${__name__}{${pairs.map(([label, value]) => `${label}=${value}`).join(",")}}`;
    expect(
      samples.map(({ value }) => Number(value)),
      name,
    ).toEqual(samples.map(({ timestampMs }) => life[secondOf.get(timestampMs)!]!.values.get(name)));
  }

  // `rate` divides the increase between the first and the last sample by the window; it adds at most
  // 1.1 scrape intervals at either end.
  const seen = life[secondOf.get(requests[0]!.timestampMs)!]!.durations.length;
  const [rate] = await asked("rate(app_requests_total[5m])");
  expect(rate?.labels).toEqual(LABELS);
  const increase = total - seen;
  expect(rate!.value * 300).toBeGreaterThanOrEqual(increase);
  expect(rate!.value * 300).toBeLessThanOrEqual(increase * (1 + 2.2 / (requests.length - 1)));

  const [slow] = await asked("histogram_quantile(0.95, rate(app_request_duration_seconds_bucket[5m]))");
  expect(slow?.labels).toEqual(LABELS);
  const durations = life.at(-1)!.durations.slice(seen);
  expect(slow!.value).toBeGreaterThan(BUCKETS.findLast((bound) => bound < quantile(durations, 0.9)) ?? 0);
  expect(slow!.value).toBeLessThanOrEqual(BUCKETS.find((bound) => bound >= quantile(durations, 0.99))!);
});

test("the demo pusher leaves nothing behind when asked to", async (context) => {
  requireServer(context, "pushgateway");
  const gateway = await startPushgateway();
  context.onTestFinished(gateway.stop);
  const push = (...args: string[]) => startSource(MAIN, ["--url", gateway.url, "--once", ...args]);
  const page = async () => (await fetch(`${gateway.url}/metrics`)).text();

  expect((await (await push()).done).code).toBe(0);
  expect(await page()).toContain('app_requests_total{instance="example-app",job="example_metrics_pusher"}');
  expect((await (await push("--delete-on-exit")).done).code).toBe(0);
  await expect.poll(page).not.toContain("app_");
});
