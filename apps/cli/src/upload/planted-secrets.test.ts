import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createCollector } from "@promferry/collector";
import { decodeRequestV2, decodeWriteRequest, snappyjsCodec } from "@promferry/remote-write";
import { Counter, Gauge, Registry } from "prom-client";
import { expect, test } from "vitest";
import { createFinder, type Planted, plantSecrets, seeded, withAround } from "../../test/planted-secrets.ts";
import { homeWith, runCli, temporaryFolder } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";

const COUNT = 10_000;
const own = [hostname()].filter((name) => name.length > 6 && name !== "localhost");
const planted = plantSecrets(seeded(6), COUNT, own);
const inPlace = (place: Planted["place"]) => planted.filter((each) => each.place === place);

const find = createFinder(planted.map(({ secret }) => secret));

/** What anybody could find of what was planted. */
function leaked(produced: string): string[] {
  const found = find(produced);
  return planted
    .filter(({ secret }) => found.has(secret))
    .map(({ kind, place, secret }) => `${kind} in a ${place}: ${secret}`);
}

/** A program that records what it should not: every secret somewhere, beside what may be told. */
function careless(): Registry {
  const random = seeded(7);
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const registers = [registry];
  new Counter({ name: "k1_runs_total", help: "Runs.", registers }).inc(7);
  const told = new Counter({ name: "k1_values_total", help: "By value.", labelNames: ["value"], registers });
  for (const { secret } of inPlace("value")) told.inc({ value: withAround(random, secret) });
  for (const [i, { secret }] of inPlace("help").entries())
    new Gauge({ name: `k1_helped_${i}`, help: withAround(random, secret), registers }).set(i);
  for (const { secret } of inPlace("name"))
    new Counter({ name: `k1_${secret}_total`, help: "Named.", registers }).inc();
  for (const [i, { secret }] of inPlace("label name").entries()) {
    const labelNames = [`k1_${secret}`];
    new Counter({ name: `k1_labelled_${i}_total`, help: "Labelled.", labelNames, registers }).inc({
      [`k1_${secret}`]: "x",
    });
  }
  for (const [i, { secret }] of inPlace("exemplar").entries()) {
    const name = `k1_traced_${i}_total`;
    const traced = new Counter({ name, help: "Traced.", enableExemplars: true, registers });
    traced.inc({ exemplarLabels: { trace: secret }, value: 1 } as never);
  }
  return registry;
}

/** Takes what three kinds of destinations are sent, and keeps it as text. */
async function takeAll(): Promise<{ url: string; received: () => string }> {
  const texts: string[] = [];
  const url = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { "content-encoding": encoding, "content-type": type = "" } = request.headers;
      const plain = encoding === "snappy" ? snappyjsCodec.uncompress(body, 64 * 1024 * 1024) : body;
      texts.push(decodeURIComponent(request.url ?? ""), JSON.stringify(request.headers));
      texts.push(Buffer.from(plain).toString("latin1"));
      if (encoding === "snappy") {
        const decode = type.includes("v2") ? decodeRequestV2 : decodeWriteRequest;
        texts.push(
          JSON.stringify(decode(plain), (_, value) => (typeof value === "bigint" ? Number(value) : value)),
        );
      }
      response
        .writeHead(request.method === "PUT" ? 202 : 204, {
          "X-Prometheus-Remote-Write-Samples-Written": "1000000",
          "X-Prometheus-Remote-Write-Histograms-Written": "0",
          "X-Prometheus-Remote-Write-Exemplars-Written": "0",
        })
        .end();
    });
  });
  return { url, received: () => texts.join("\n").replaceAll('\\"', '"') };
}

function everyType(url: string, more = ""): string {
  return ["remote-write", "remote-write, protocol: 2", "http", "http, format: json", "pushgateway"]
    .map((type, i) => `    - { name: d${i}, type: ${type}, url: "${url}/${i}"${more} }`)
    .join("\n");
}

function produced(dir: string): string {
  const files = readdirSync(dir, { recursive: true, encoding: "utf8", withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      return `${entry.name}\n${(entry.name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")}`;
    })
    .join("\n")
    .replaceAll('\\"', '"');
}

async function record(dir: string, gated: boolean): Promise<void> {
  const collector = createCollector({
    registry: careless(),
    dir,
    app: "k1",
    consent: { config: { enabled: true } },
    env: {},
    // So that the scanner alone keeps them back.
    maxLabelValues: COUNT,
    ...(gated ? {} : { filter: (series) => series }),
  });
  await collector.start();
  await collector.flush();
  await collector.stop();
  expect(collector.status().lastError).toBeUndefined();
}

test("every kind of secret is planted in every place that can hold it", () => {
  expect(planted.length).toBeGreaterThanOrEqual(COUNT);
  expect(new Set(planted.map(({ place }) => place)).size).toBe(5);
});

test("of 10,000 secrets that a program records, none is in a file that the collector writes", async () => {
  const dir = temporaryFolder();
  await record(dir, true);
  const text = produced(dir);
  expect(leaked(text)).toEqual([]);
  expect(text).toContain("k1_runs_total 7");
}, 60_000);

test("of those that stand in a journal without a gate, none is in a request, whatever the destination", async () => {
  const { url, received } = await takeAll();
  const { home } = homeWith(
    `app: k1\nmetrics:\n  dir: journal\n  max_label_values: ${COUNT}\n  destinations:\n${everyType(url)}\n`,
  );
  mkdirSync(join(home, "journal"));
  await record(join(home, "journal"), false);
  expect(leaked(produced(join(home, "journal"))).length).toBeGreaterThan(COUNT / 2);

  const { exitCode, stdout, stderr } = await runCli(["upload-metrics", "--now", "--config", "config.yaml"], {
    home,
  });

  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const text = received();
  expect(leaked(`${text}${stdout}`)).toEqual([]);
  for (const i of [0, 1, 2, 3, 4]) expect(text).toContain(`/${i}`);
  expect(text).toContain("k1_runs_total");
}, 60_000);

test("nor is one of a scraped page in a request to destinations that want pages scanned", async () => {
  const { url, received } = await takeAll();
  const text = await careless().metrics();
  const type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  const page = await serve((_, response) => response.writeHead(200, { "content-type": type }).end(text));
  const destinations = everyType(url, ", scan_pages: true").split("\n").slice(0, 4).join("\n");
  const { home } = homeWith(`app: k1\nmetrics:\n  dir: journal\n  destinations:\n${destinations}\n`);
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
  expect((await cli("collect", `${page}/metrics`, "--once", "--timeout", "30s")).exitCode).toBe(0);
  expect(leaked(produced(join(home, "journal"))).length).toBeGreaterThan(COUNT / 2);

  const { exitCode, stderr } = await cli("upload-metrics", "--now");

  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  expect(leaked(received())).toEqual([]);
  expect(received()).toContain("k1_runs_total");
}, 60_000);

test("with block the upload ends with 65, and nothing of it is sent", async () => {
  const { url, received } = await takeAll();
  const { home } = homeWith(
    `app: k1\nmetrics:\n  dir: journal\n  scan: { default: block }\n  destinations:\n${everyType(url)}\n`,
  );
  const registry = new Registry();
  const values = new Counter({
    name: "k1_values_total",
    help: "x",
    labelNames: ["value"],
    registers: [registry],
  });
  values.inc({ value: "bob@example.com" });
  const options = { dir: join(home, "journal"), app: "k1", consent: { config: { enabled: true } }, env: {} };
  const collector = createCollector({ ...options, registry, filter: (series) => series });
  await collector.start();
  await collector.stop();

  const { exitCode, stdout, stderr } = await runCli(["upload-metrics", "--now", "--config", "config.yaml"], {
    home,
  });

  expect(exitCode).toBe(65);
  expect(stderr).toContain("of the metric k1_values_total its label value looks like email");
  expect(`${stdout}${stderr}`).not.toContain("bob@example.com");
  expect(received()).toBe("");
});
