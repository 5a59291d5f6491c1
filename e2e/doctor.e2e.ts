import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  query,
  requireServer,
  runCli,
  startNodeExporter,
  startPrometheus,
  startPushgateway,
  startVictoriaMetrics,
} from "./harness/index.ts";

interface Check {
  readonly subject: string;
  readonly name: string;
  readonly state: string;
  readonly detail: string;
}

const find = (checks: readonly Check[], subject: string, name: string) =>
  checks.find((check) => check.subject === subject && check.name === name);

test("doctor tells of each real receiver what it speaks and how old samples may be, and stores nothing there", async (context) => {
  requireServer(context, "prometheus", "victoria-metrics", "pushgateway");
  const prometheus = await startPrometheus({ outOfOrderTimeWindow: "2h" });
  const victoria = await startVictoriaMetrics();
  const gateway = await startPushgateway();
  onTestFinished(async () => {
    await Promise.all([prometheus.stop(), victoria.stop(), gateway.stop()]);
  });
  const dir = mkdtempSync(join(tmpdir(), "promferry-doctor-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(
    join(dir, "config.yaml"),
    `metrics:
  dir: journal
  destinations:
    - { name: prometheus, type: prometheus, url: "${prometheus.url}/api/v1/write", protocol: auto }
    - { name: victoria, type: victoriametrics, url: "${victoria.url}/api/v1/write" }
    - { name: gateway, type: pushgateway, url: "${gateway.url}" }
`,
  );
  const { code, stdout } = await runCli(["doctor", "--config", "config.yaml", "--json"], { cwd: dir });
  const { checks } = JSON.parse(stdout) as { checks: readonly Check[] };
  expect(checks.filter(({ state }) => state === "failed")).toEqual([]);
  expect(code).toBe(0);
  expect(find(checks, "prometheus", "protocol")?.detail).toContain("the server speaks 2.0 too");
  expect(find(checks, "prometheus", "age of samples")?.detail).toContain("out_of_order_time_window is 2h");
  expect(find(checks, "victoria", "protocol")?.detail).toBe("1.0; the server does not speak 2.0");
  expect(find(checks, "victoria", "age of samples")?.detail).toBe("whatever the server's retention holds");
  expect(find(checks, "gateway", "answer")?.detail).toContain("it is ready");
  expect(await query(prometheus.url, '{__name__=~".+"}')).toEqual([]);
  const groups = (await (await fetch(`${gateway.url}/api/v1/metrics`)).json()) as { data: unknown[] };
  expect(groups.data).toEqual([]);
});

test("doctor --chain walks from a real exporter to an answer of Prometheus, and names what is broken", async (context) => {
  requireServer(context, "prometheus", "node-exporter");
  const exporter = await startNodeExporter();
  const page = `${exporter.url}/metrics`;
  const host = new URL(exporter.url).host;
  const prometheus = await startPrometheus({
    scrapeConfigs: [{ job_name: "node", scrape_interval: "1s", static_configs: [{ targets: [host] }] }],
  });
  onTestFinished(async () => {
    await Promise.all([prometheus.stop(), exporter.stop()]);
  });
  const walk = async (url: string) => {
    const { code, stdout } = await runCli([
      "doctor",
      "--chain",
      "--url",
      url,
      "--prometheus",
      prometheus.url,
      "--json",
    ]);
    return { code, checks: (JSON.parse(stdout) as { checks: readonly Check[] }).checks };
  };
  await expect.poll(async () => (await walk(page)).checks.length, { timeout: 20_000 }).toBe(7);
  const { code, checks } = await walk(page);
  expect(checks.map(({ subject, name }) => `${subject} ${name}`)).toEqual([
    "endpoint page",
    "scrape target",
    "scrape last scrape",
    "query up",
    "query a metric of the page",
    "cardinality page",
    "cardinality Prometheus",
  ]);
  expect(code).toBe(0);
  const other = await walk(`${prometheus.url}/metrics`);
  expect([other.code, other.checks.at(-1)?.name]).toEqual([78, "target"]);
  await exporter.stop();
  expect((await walk(page)).checks.map(({ state }) => state)).toEqual(["failed"]);
});
