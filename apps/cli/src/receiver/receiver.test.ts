import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createSeriesDictionary, type NativeHistogram } from "@promferry/core/series";
import { createRemoteWrite } from "@promferry/remote-write";
import { expect, test } from "vitest";
import { readSamples } from "../../test/journal.ts";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";
import { serveReceiver } from "../../test/serve.ts";
import { StopSignal } from "../io.ts";
import { readPushPath } from "./push-path.ts";
import { readJsonLines } from "./read-json-lines.ts";

async function start() {
  const { url, dir } = await serveReceiver();
  return { url, stored: () => readSamples(dir) };
}

const post = (url: string, body: string | Buffer, headers: Record<string, string> = {}, method = "POST") =>
  fetch(url, { method, body: body as string, headers }).then(async (r) => ({
    status: r.status,
    text: await r.text(),
  }));

test("remote write is stored, several samples of a series and all", async () => {
  const { url, stored } = await start();
  const dictionary = createSeriesDictionary();
  const family = { name: "a", type: "counter", help: "", unit: "" } as const;
  const row = (label: string, values: (number | null)[]) => ({
    series: dictionary.intern("a", [{ name: "l", value: label }]),
    family,
    timestampsMs: values.map((_, i) => 1_700_000_000_000 + i * 1000),
    values,
  });
  const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write` });
  const receipt = await destination.send({ series: [row("x", [1, 2, null]), row("y", [3])], sampleCount: 4 });
  expect(receipt.accepted).toBe(4);
  expect(await stored()).toEqual([
    "a{l=x} 1 @1700000000000",
    "a{l=x} 2 @1700000001000",
    "a{l=x} stale @1700000002000",
    "a{l=y} 3 @1700000000000",
  ]);
  expect(await fetch(url).then((r) => r.json())).toMatchObject({ requests: 1, samples: 4 });
});

for (const protocol of [1, 2] as const) {
  test(`native histograms, exemplars and start times of ${protocol}.0 are stored`, async () => {
    const { url, stored } = await start();
    const { intern } = createSeriesDictionary();
    const histogram: NativeHistogram = {
      schema: -1,
      integer: true,
      count: 3,
      sum: 1.5,
      zeroThreshold: 0.001,
      zeroCount: 1,
      positiveSpans: [{ offset: -2, length: 1 }],
      positiveCounts: [2],
      negativeSpans: [],
      negativeCounts: [],
      customBounds: [],
      resetHint: "unknown",
    };
    const at = 1_700_000_000_000;
    const exemplars = new Map([
      [0, [{ labels: [{ name: "t", value: "1" }], value: 2, timestampMs: at - 5 }]],
    ]);
    const series = [
      {
        series: intern("h", []),
        family: { name: "h", type: "histogram", help: "H.", unit: "" },
        timestampsMs: [at, at + 1],
        values: [histogram, null],
        exemplars,
        startsMs: new Map([[0, at - 9]]),
      },
      {
        series: intern("c_total", []),
        family: { name: "c_total", type: "counter", help: "", unit: "" },
        timestampsMs: [at],
        values: [7],
        exemplars,
      },
    ] as const;
    const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write`, protocol });
    expect(await destination.send({ series, sampleCount: 3 })).toMatchObject({ accepted: 3 });
    const trace = `# [{"name":"t","value":"1"}] 2 @${at - 5}`;
    const since = protocol === 2 ? ` since ${at - 9}` : "";
    expect(await stored()).toEqual([
      `h{} {"schema":-1,"count":3,"sum":1.5,"zero":[0.001,1],"positive":[[-2,2]]} @${at} ${trace}${since}`,
      `h{} stale @${at + 1}`,
      `c_total{} 7 @${at} ${trace}`,
    ]);
  });
}

test("an exemplar that no journal could hold costs no sample", async () => {
  const { url, stored } = await start();
  const twice = [
    { name: "t", value: "1" },
    { name: "t", value: "2" },
  ];
  const { intern } = createSeriesDictionary();
  const series = [
    {
      series: intern("c", []),
      family: { name: "c", type: "gauge", help: "", unit: "" },
      timestampsMs: [1_700_000_000_000],
      values: [7],
      exemplars: new Map([[0, [{ labels: twice, value: 2, timestampMs: 5 }]]]),
    },
  ] as const;
  const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write`, protocol: 2 });
  expect(await destination.send({ series, sampleCount: 1 })).toMatchObject({ accepted: 1 });
  expect(await stored()).toEqual(["c{} 7 @1700000000000"]);
});

test("names in UTF-8 are stored", async () => {
  const { url, stored } = await start();
  const labels = [{ name: "größe", value: "ä" }];
  const series = createSeriesDictionary().intern("a.b", labels);
  const family = { name: "a.b", type: "gauge", help: "", unit: "" } as const;
  const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write`, protocol: 2 });
  const timestampsMs = [1_700_000_000_000];
  await destination.send({ series: [{ series, family, timestampsMs, values: [1] }], sampleCount: 1 });
  expect(await stored()).toEqual(["a.b{größe=ä} 1 @1700000000000"]);
});

test("a page that calls itself OpenMetrics has its times in seconds", async () => {
  const { url, stored } = await start();
  const headers = { "content-type": "application/openmetrics-text; version=1.0.0; charset=utf-8" };
  const page = "# TYPE a counter\na_total 1 1700000000\na_total 2 1700000001.5\n# EOF\n";
  expect(await post(`${url}/ingest`, page, headers)).toMatchObject({ status: 204 });
  expect(await post(`${url}/ingest`, "a 1 1700000000\n", headers)).toMatchObject({ status: 400 });
  expect(await stored()).toEqual(["a_total{} 1 @1700000000000", "a_total{} 2 @1700000001500"]);
});

test("a request with a time that no journal can hold is refused, and nothing of it is stored", async () => {
  const { url, stored } = await start();
  const dictionary = createSeriesDictionary();
  const row = (name: string, timestampMs: number) => ({
    series: dictionary.intern(name, []),
    family: { name, type: "gauge", help: "", unit: "" } as const,
    timestampsMs: [timestampMs],
    values: [1],
  });
  const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write`, protocol: 2 });
  const series = [row("a", 1_700_000_000_000), row("c", -5)];
  await expect(destination.send({ series, sampleCount: 2 })).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("1 sample with a time before 1970"),
  });
  const lines = '{"metric":"a","value":1}\n{"metric":"b","value":1,"ts":-1}\n';
  expect(await post(`${url}/ingest`, lines, { "content-type": "application/json" })).toMatchObject({
    status: 400,
    text: expect.stringContaining("1 sample with a time before 1970"),
  });
  expect(await stored()).toEqual([]);
  expect(await fetch(url).then((r) => r.json())).toMatchObject({ requests: 0, samples: 0 });
});

test("a small request whose samples are gigabytes of text is too large, and no text is made of it", async () => {
  const { url, stored } = await start();
  const series = createSeriesDictionary().intern("a", [{ name: "l", value: "x".repeat(1_000_000) }]);
  const family = { name: "a", type: "gauge", help: "", unit: "" } as const;
  const timestampsMs = Array.from({ length: 10_000 }, (_, i) => 1_700_000_000_000 + i);
  const batch = { series: [{ series, family, timestampsMs, values: timestampsMs }], sampleCount: 10_000 };
  for (const protocol of [1, 2] as const) {
    const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write`, protocol });
    await expect(destination.send(batch)).rejects.toMatchObject({
      status: 413,
      message: expect.stringContaining("more than 67108864 bytes"),
    });
  }
  expect(await stored()).toEqual([]);
});

test("the end of a receiver waits for no sender that never ends its request", async () => {
  const { url, close } = await serveReceiver({ closeWithinMs: 50 });
  const slow = request(`${url}/api/v1/write`, {
    method: "POST",
    headers: { "content-length": "9" },
  });
  slow.write("abc");
  const cut = once(slow, "error");
  const answer = await post(`${url}/ingest`, "a 1\n");
  await close();
  expect(answer.status).toBe(204);
  expect(await cut).toMatchObject([{ code: "ECONNRESET" }]);
});

test("a push gets its grouping labels, and timestamps are refused as by a Pushgateway", async () => {
  const { url, stored } = await start();
  expect(
    await post(`${url}/metrics/job/a%20b/x@base64/YS9i`, '# TYPE m counter\nm{x="own",y="1"} 5\n', {}, "PUT"),
  ).toMatchObject({ status: 200 });
  expect(await post(`${url}/metrics/job/j`, "m 5 1700000000000\n")).toEqual({
    status: 400,
    text: "pushed metrics must not have timestamps\n",
  });
  expect(await post(`${url}/metrics/job/j`, "", {}, "DELETE")).toMatchObject({ status: 202 });
  expect(await stored()).toEqual(["m{job=a b,x=a/b,y=1} 5"]);
});

test("text and JSON lines are taken with their times, packed or not", async () => {
  const { url, stored } = await start();
  const text = "# TYPE t counter\nt 1 1700000000000\nt 2 1700000001000\n";
  expect(await post(`${url}/ingest`, gzipSync(text), { "content-encoding": "gzip" })).toMatchObject({
    status: 204,
  });
  const json = '{"metric":"j","labels":{"a":"b"},"value":"+Inf","ts":1700000000000}\n';
  expect(
    await post(`${url}/api/v1/import/prometheus`, json, { "content-type": "application/x-ndjson" }),
  ).toMatchObject({ status: 204 });
  expect(await stored()).toEqual([
    "t{} 1 @1700000000000",
    "t{} 2 @1700000001000",
    "j{a=b} Infinity @1700000000000",
  ]);
});

for (const { name, path = "/ingest", method, body = "a 1\n", headers, status } of [
  { name: "a web page's request", headers: { origin: "https://evil.example" }, status: 403 },
  { name: "an unknown path", path: "/nowhere", status: 404 },
  { name: "a path that is none", path: "//", method: "POST", status: 400 },
  { name: "a push of odd length", path: "/metrics/job/a/b", status: 400 },
  { name: "a push with broken base64", path: "/metrics/job@base64/a!", status: 400 },
  { name: "another method", method: "PUT", status: 405 },
  { name: "no metrics", body: "<html>", status: 400 },
  { name: "an unknown encoding", headers: { "content-encoding": "br" }, status: 415 },
  { name: "broken gzip", headers: { "content-encoding": "gzip" }, status: 400 },
  { name: "a body over the limit", body: "#".repeat(33 * 1024 * 1024), status: 413 },
  {
    name: "a body that unpacks over the limit",
    body: gzipSync("#".repeat(33 * 1024 * 1024)),
    headers: { "content-encoding": "gzip" },
    status: 413,
  },
] as {
  name: string;
  path?: string;
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  status: number;
}[]) {
  test(`the receiver answers ${name} with ${status} and stores nothing`, async () => {
    const { url, stored } = await start();
    const answer = await post(url + path, body, headers, method);
    expect(answer.status).toBe(status);
    expect(answer.text.length).toBeGreaterThan(5);
    expect(await stored()).toEqual([]);
  });
}

for (const host of ["evil.example", "127.0.0.1.evil.example"]) {
  test(`the foreign host name ${host} that leads here is refused`, async () => {
    const { url } = await start();
    const asking = request(url, { headers: { host } }).end();
    const [response] = (await once(asking, "response")) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(403);
  });
}

for (const { path, labels } of [
  { path: "/metrics/job/a/user/b", labels: "job=a,user=b" },
  { path: "/metrics/job@base64/YS9i/empty@base64/=", labels: "job=a/b" },
  { path: "/metrics/job/a/", labels: "job=a" },
  { path: "/metrics/job/a/user/b/job/c/user/d", labels: "job=a,user=d" },
  { path: "/other", labels: undefined },
]) {
  test(`the path ${path} groups by ${labels}`, () => {
    expect(
      readPushPath(path)
        ?.map(({ name, value }) => `${name}=${value}`)
        .join(","),
    ).toBe(labels);
  });
}

for (const line of [
  "1",
  "{",
  '{"metric":"a-b","value":1}',
  '{"metric":"a","value":"x"}',
  '{"metric":"a","value":1,"ts":1.5}',
  '{"metric":"a","value":1,"labels":{"l":1}}',
  '{"metric":"a","value":1,"labels":{"__name__":"b"}}',
]) {
  test(`the JSON line ${line} is refused with its number`, () => {
    expect(() => readJsonLines(`\n${line}\n`)).toThrow(/^line 2: expected /);
  });
}

test("receive prints its address, and ends with 130 when it is interrupted", async () => {
  const stop = new AbortController();
  let printed: string | undefined;
  const running = runCli(["receive", "--dir", "j", "--json"], {
    signal: stop.signal,
    onStdout: (text) => {
      printed = text;
      stop.abort(new StopSignal("SIGINT"));
    },
  });
  expect((await running).exitCode).toBe(130);
  expect(JSON.parse(printed ?? "")).toMatchObject({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  });
});

test("receive on an address in use says so", async () => {
  const { url } = await start();
  const { exitCode, stderr } = await runCli(["receive", "--listen", new URL(url).host]);
  expect(exitCode).toBe(69);
  expect(stderr).toContain("can't be listened on (EADDRINUSE)");
});

for (const { listen, says } of [
  { listen: "0.0.0.0:0", says: "open to other machines" },
  { listen: "nonsense", says: "expected host:port" },
]) {
  test(`receive --listen ${listen} is exit 2`, async () => {
    const { exitCode, stderr } = await runCli(["receive", "--listen", listen]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
  });
}

test("receive says at its start that it can't store", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "file"), "");
  const { exitCode, stdout, stderr } = await runCli(["receive", "--dir", "file"], { home });
  expect(exitCode).toBe(78);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^promferry: nothing can be stored in .*file: EEXIST/);
});

test("receive says why it could not store, and answers 500", async () => {
  const home = temporaryFolder();
  const stop = new AbortController();
  const send = async (url: string) => {
    rmSync(join(home, "j"), { recursive: true });
    writeFileSync(join(home, "j"), "");
    const pushed = await post(`${url}/metrics/job/a`, "a 1\n");
    const body = await remoteWriteBody();
    const written = await post(`${url}/api/v1/write`, body, {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
    });
    stop.abort(new StopSignal("SIGINT"));
    return [pushed.status, written.status];
  };
  let answered: Promise<number[]> | undefined;
  const { exitCode, stderr } = await runCli(["receive", "--dir", "j", "--json"], {
    home,
    signal: stop.signal,
    onStdout: (text) => {
      answered ??= send(JSON.parse(text).url);
    },
  });
  expect(await answered).toEqual([500, 500]);
  expect(exitCode).toBe(130);
  expect(stderr.match(/^promferry: .*\/j: E/gm)).toHaveLength(2);
});

/** One sample as remote write sends it. */
async function remoteWriteBody(): Promise<Buffer> {
  const family = { name: "a", type: "gauge", help: "", unit: "" } as const;
  const series = { series: createSeriesDictionary().intern("a", []), family, timestampsMs: [1], values: [1] };
  const destination = createRemoteWrite({ name: "r", url: "http://127.0.0.1/" });
  return Buffer.from(destination.encode({ series: [series], sampleCount: 1 }).requests[0]!.body);
}
