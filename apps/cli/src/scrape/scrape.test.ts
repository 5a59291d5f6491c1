import type { RequestListener } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { readSamples } from "../../test/journal.ts";
import { PROTOBUF_TYPE, protobufPage } from "../../test/protobuf-page.ts";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";
import { StopSignal } from "../io.ts";
import { parseTarget, parseTargets } from "./target.ts";

const page =
  (text: string, type = "text/plain; version=0.0.4"): RequestListener =>
  (_, response) =>
    response.writeHead(200, { "content-type": type }).end(text);

/** Scrapes once into a folder of its own and reads the journal back as `name{labels} value`. */
async function collectOnce(url: string, ...flags: string[]) {
  const home = temporaryFolder();
  const result = await runCli(["collect", url, "--once", "--dir", "j", ...flags], { home });
  const { frames } = await openJournal(join(home, "j")).index();
  const samples = await readSamples(join(home, "j"));
  return { ...result, frames, samples, home };
}

test("collect writes a page as Prometheus would scrape it", async () => {
  const url = await serve(
    page(`# TYPE a counter
a{x="1"} 5
a{job="theirs",exported_job="older"} 6
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 3
h_count 2
old 7 1700000000000
`),
  );
  const { exitCode, samples, frames } = await collectOnce(url, "--job", "node");
  const own = `instance=${new URL(url).host},job=node`;
  expect(exitCode).toBe(0);
  expect(frames.map(({ header }) => header)).toMatchObject([
    { kind: "full", origin: "scrape", consent: "user", exit: false },
  ]);
  expect(samples.filter((line) => !line.startsWith("scrape_"))).toEqual([
    `a{${own},x=1} 5`,
    `a{exported_exported_job=theirs,exported_job=older,${own}} 6`,
    `h_bucket{${own},le=1.0} 1`,
    `h_bucket{${own},le=+Inf} 2`,
    `h_sum{${own}} 3`,
    `h_count{${own}} 2`,
    `old{${own}} 7 @1700000000000`,
    `up{${own}} 1`,
  ]);
  expect(
    samples.filter((line) => line.startsWith("scrape_")).map((line) => line.replace(/ [\d.e-]+$/, "")),
  ).toEqual([
    `scrape_duration_seconds{${own}}`,
    `scrape_samples_scraped{${own}}`,
    `scrape_samples_post_metric_relabeling{${own}}`,
    `scrape_series_added{${own}}`,
  ]);
  expect(samples).toContain(`scrape_samples_scraped{${own}} 7`);
  expect(samples).toContain(`scrape_series_added{${own}} 7`);
});

test("collect takes OpenMetrics by its content type, and text where that fails", async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.headers.accept);
    if (request.url === "/broken" && request.headers.accept?.includes("openmetrics")) {
      return page("# TYPE a counter\na 1\n# EOF\n", "application/openmetrics-text; version=1.0.0")(
        request,
        response,
      );
    }
    if (request.url === "/broken") return page("a 1\n")(request, response);
    return page("# TYPE a counter\na_total 1\na_created 2\n# EOF\n", "application/openmetrics-text")(
      request,
      response,
    );
  });
  const { samples } = await collectOnce(`${url}/good`);
  expect(samples.map((line) => line.split("{")[0])).toEqual(expect.arrayContaining(["a_total", "a_created"]));
  const broken = await collectOnce(`${url}/broken`);
  expect(broken.samples[0]).toMatch(/^a\{/);
  expect(asked.at(-1)).not.toContain("openmetrics");
});

test("collect takes protobuf by its content type, native histograms and all", async () => {
  const family = (value: number) =>
    protobufPage(
      {
        name: "h_seconds",
        help: "By size.",
        type: 4,
        metric: [
          {
            label: [{ name: "code", value: "200" }],
            histogram: {
              sample_count: value,
              positive_span: [{ offset: 2, length: 1 }],
              positive_delta: [value],
              exemplars: [
                { label: [{ name: "t", value: "x" }], value: 3, timestamp: { seconds: 1_700_000_000 } },
              ],
              created_timestamp: { seconds: 1_600_000_000 },
            },
          },
        ],
      },
      { name: "größe.x", type: 1, metric: [{ gauge: { value } }] },
    );
  const url = await serve((_, response) =>
    response.writeHead(200, { "content-type": PROTOBUF_TYPE }).end(family(5)),
  );
  const { exitCode, samples } = await collectOnce(url);
  const own = `instance=${new URL(url).host},job=promferry`;
  expect(exitCode).toBe(0);
  expect(samples.slice(0, 2)).toEqual([
    `h_seconds{code=200,${own}} {"schema":0,"count":5,"sum":0,"positive":[[2,5]]}` +
      ` # [{"name":"t","value":"x"}] 3 @1700000000000 since 1600000000000`,
    `größe.x{${own}} 5`,
  ]);
});

for (const { name, type, body, says } of [
  {
    name: "another type",
    type: "text/html",
    body: "a 1\n",
    says: 'the page\'s Content-Type is "text/html"; expected text/plain',
  },
  {
    name: "broken protobuf",
    type: PROTOBUF_TYPE,
    body: "a 1\n",
    says: "byte 1: 97 bytes should follow, and 3 do",
  },
]) {
  test(`a page of ${name} is down, and why is said`, async () => {
    const url = await serve(page(body, type));
    const { exitCode, stderr, samples } = await collectOnce(url);
    expect(exitCode).toBe(69);
    expect(stderr).toContain(says);
    expect(samples).toContain(`up{instance=${new URL(url).host},job=promferry} 0`);
  });
}

test("names in UTF-8, samples that belie their type and several times of a series arrive", async () => {
  const text = `# TYPE h histogram
h_bucket{le="1"} -1
# TYPE "dotted.name" counter
{"dotted.name","größe"="ä"} 1
a 1 1700000000000
a 2 1700000001000
`;
  const url = await serve(page(text));
  const { exitCode, samples, stderr, frames } = await collectOnce(url);
  const own = `instance=${new URL(url).host},job=promferry`;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(frames).toHaveLength(1);
  expect(samples.filter((line) => !/^(scrape_|up\{)/.test(line)).sort()).toEqual([
    `a{${own}} 1 @1700000000000`,
    `a{${own}} 2 @1700000001000`,
    `dotted.name{größe=ä,${own}} 1`,
    `h_bucket{${own},le=1.0} -1`,
  ]);
});

test("samples with times that a journal can't hold are told and cost nothing else", async () => {
  const text = "# TYPE a gauge\na 1 -5\n# TYPE b gauge\nb 2 1e18\n# TYPE c gauge\nc 3 1700000000\n# EOF\n";
  const url = await serve(page(text, "application/openmetrics-text; version=1.0.0"));
  const { exitCode, samples, stderr } = await collectOnce(url);
  expect(exitCode).toBe(0);
  expect(stderr).toContain("2 samples have times that a journal can't hold");
  expect(samples.map((line) => line.split("{")[0]).filter((name) => name!.length === 1)).toEqual(["c"]);
  expect(samples.some((line) => line.startsWith("up{"))).toBe(true);
});

test("a compressed page is unpacked, and one that unpacks without end is not", async () => {
  const url = await serve((request, response) => {
    const text = request.url === "/bomb" ? "# ".padEnd(40_000_000, "x") : "a 1\n";
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(text));
  });
  expect((await collectOnce(`${url}/ok`)).samples[0]).toMatch(/^a\{/);
  const { exitCode, stderr } = await collectOnce(`${url}/bomb`);
  expect(exitCode).toBe(69);
  expect(stderr).toContain("the page is longer than 33554432 bytes");
});

for (const { name, listener, flags = [], says } of [
  {
    name: "answers 500",
    listener: ((_, response) => response.writeHead(500).end()) satisfies RequestListener,
    says: "the server answered with 500",
  },
  { name: "is no metrics page", listener: page("<html>"), says: "1:1: expected" },
  {
    name: "never ends",
    listener: ((_, response) => void response.writeHead(200).write("a 1\n")) satisfies RequestListener,
    flags: ["--timeout", "100ms"],
    says: "no whole page came within 0.1 s",
  },
]) {
  test(`collect --once of a page that ${name} is exit 69, and the journal says up 0`, async () => {
    const { exitCode, stderr, samples } = await collectOnce(await serve(listener), ...flags);
    expect(exitCode).toBe(69);
    expect(stderr).toContain(`can't be scraped: ${says}`);
    expect(stderr).toContain("\n  check that it runs");
    expect(samples.find((line) => line.startsWith("up{"))).toMatch(/ 0$/);
  });
}

test("collect goes on until it is stopped, one frame a scrape", async () => {
  const stop = new AbortController();
  let served = 0;
  const url = await serve((request, response) => {
    page(`a ${++served}\n`)(request, response);
    if (served === 3) stop.abort(new StopSignal("SIGINT"));
  });
  const home = temporaryFolder();
  const { exitCode } = await runCli(["collect", url, "--interval", "20ms", "--dir", "j"], {
    home,
    signal: stop.signal,
  });
  const journal = openJournal(join(home, "j"));
  const { frames, damage } = await journal.index();
  expect(damage).toEqual([]);
  expect(frames.length).toBeGreaterThanOrEqual(2);
  expect(new Set(frames.map(({ header }) => header.session)).size).toBe(1);
  expect(exitCode).toBe(130);
});

test("an interval and a timeout of a month are no millisecond", async () => {
  const stop = new AbortController();
  let served = 0;
  const url = await serve((request, response) => {
    served++;
    // Timers fire in order: one that was taken for 1 ms has ended the scrape, or begun another one, by then.
    setTimeout(() => {
      page("a 1\n")(request, response);
      setTimeout(() => stop.abort(new StopSignal("SIGINT")), 200);
    }, 5);
  });
  const home = temporaryFolder();
  const flags = ["--interval", "30d", "--timeout", "30d", "--dir", "j"];
  await runCli(["collect", url, ...flags], { home, signal: stop.signal });
  const samples = await readSamples(join(home, "j"));
  expect(served).toBe(1);
  expect(samples.find((line) => line.startsWith("up{"))).toMatch(/ 1$/);
});

test("collect tells a journal that can't be written, with exit 74", async () => {
  const url = await serve(page("a 1\n"));
  const home = temporaryFolder();
  const { exitCode, stderr } = await runCli(["collect", url, "--once", "--dir", "/dev/null/j"], { home });
  expect(exitCode).toBe(74);
  expect(stderr).toContain("/dev/null/j");
});

for (const { text, url, instance } of [
  { text: "localhost:9100", url: "http://localhost:9100/metrics", instance: "localhost:9100" },
  { text: "http://a.example:80", url: "http://a.example/metrics", instance: "a.example:80" },
  { text: "https://a.example/federate?x=1#y", url: "https://a.example/federate?x=1", instance: "a.example" },
]) {
  test(`the target ${text} has the instance ${instance}`, () => {
    expect(parseTarget(text, "j")).toEqual({ url, instance, job: "j" });
  });
}

for (const { texts, says } of [
  { texts: ["ftp://a"], says: "neither http:// nor https://" },
  { texts: ["http://u:secret@a/"], says: "may not stand in it" },
  { texts: ["http://a:1/x", "http://a:1/y"], says: "under the same labels" },
]) {
  test(`the targets ${texts.join(" ")} are refused`, () => {
    expect(() => parseTargets(texts, "j")).toThrow(says);
    expect(() => parseTargets(texts, "j")).not.toThrow("secret");
  });
}
