import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { dayFiles, readSamples } from "../../test/journal.ts";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";
import { serveReceiver } from "../../test/serve.ts";

/** A block as the seed prints it, with a time of its own for each sample. */
const block = (written: string, ms: number, views: number) => `# Written: ${written}
k1_screen_views_total{screen="pods",user="anonymized"} ${views} ${ms}
k1_informer_sync_duration_seconds_bucket{resource="pods",le="0.5"} 10 ${ms}
k1_informer_sync_duration_seconds_bucket{resource="pods",le="1.0"} 15 ${ms}
k1_informer_sync_duration_seconds_sum{resource="pods"} 8.5 ${ms}
k1_informer_sync_duration_seconds_count{resource="pods"} 15 ${ms}
`;
const FIRST = 1_759_761_000_123;
const SECOND = FIRST + 300_000;
const DAY = block("2025-10-06T14:30:00Z", FIRST, 5) + block("2025-10-06T14:35:00Z", SECOND, 2);

function homeWithFiles(files: Record<string, string>) {
  const home = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  const cli = (...argv: string[]) => runCli([...argv, "--dir", "j"], { home });
  return { home, dir: join(home, "j"), cli };
}

test("a file of the seed's form becomes one session, each block a frame, each sample as it was", async () => {
  const { dir, cli } = homeWithFiles({ "2025-10-06.prom": DAY });
  const { exitCode, stdout } = await cli("import", "2025-10-06.prom");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^2025-10-06\.prom: 2 frames, 10 samples, as session [0-9a-f]{8} into 2025-10-06\.[0-9a-f]{8}\.prom\n$/,
  );
  const { frames, damage } = await openJournal(dir).index();
  expect(damage).toEqual([]);
  expect(frames.map(({ header }) => header)).toMatchObject([
    { seq: 0, kind: "full", origin: "scrape", consent: "user", writtenMs: Date.UTC(2025, 9, 6, 14, 30) },
    { seq: 1, session: frames[0]!.header.session, writtenMs: Date.UTC(2025, 9, 6, 14, 35) },
  ]);
  const samples = await readSamples(dir);
  expect(samples).toHaveLength(10);
  expect(samples[0]).toBe(`k1_screen_views_total{screen=pods,user=anonymized} 5 @${FIRST}`);
  expect(samples[2]).toBe(`k1_informer_sync_duration_seconds_bucket{le=1.0,resource=pods} 15 @${FIRST}`);
});

test("without a TYPE line a metric is untyped; one that is there is taken", async () => {
  const text = `# Written: 2025-10-06T14:30:00Z
a_total 1 ${FIRST}
# TYPE b gauge
b 2 ${FIRST}
`;
  const { dir, cli } = homeWithFiles({ f: text });
  await cli("import", "f");
  const journal = openJournal(dir);
  const [ref] = (await journal.index()).frames;
  const { families } = await journal.read(ref!);
  expect(families.map(({ name, type }) => [name, type])).toEqual([
    ["a_total", "unknown"],
    ["b", "gauge"],
  ]);
});

test("what was imported leaves as it was: a counter that falls has fallen, and times are its own", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home, cli } = homeWithFiles({ f: DAY });
  writeFileSync(
    join(home, "config.yaml"),
    `app: k1\nmetrics: { enabled: false, destinations: [{ name: a, type: prometheus, url: "${url}/api/v1/write" }] }\n`,
  );
  await cli("import", "f");
  expect(await cli("upload-metrics", "--config", "config.yaml")).toMatchObject({ exitCode: 0 });
  const views = (await readSamples(received)).filter((sample) => sample.startsWith("k1_screen_views_total"));
  expect(views).toEqual([
    `k1_screen_views_total{screen=pods,user=anonymized} 5 @${FIRST}`,
    `k1_screen_views_total{screen=pods,user=anonymized} 2 @${SECOND}`,
  ]);
  expect((await cli("upload-metrics", "--config", "config.yaml", "--json")).json()).toMatchObject({
    destinations: [{ accepted: 0 }],
  });
});

test("the same content again, under whatever name, changes nothing", async () => {
  const { dir, cli } = homeWithFiles({ f: DAY, g: DAY });
  await cli("import", "f", "g");
  const before = dayFiles(dir);
  const { exitCode, stdout } = await cli("import", "g");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^g: the journal has it already, 2 frames, 10 samples, as session [0-9a-f]{8}\n$/);
  expect(dayFiles(dir)).toEqual(before);
  expect(Object.keys(before)).toHaveLength(1);
});

test("what an import lacks, after a crash or damage, the same import adds, and loses nothing", async () => {
  const twoDays = DAY + block("2025-10-08T14:30:00Z", FIRST + 2 * 86_400_000, 6);
  const { dir, cli } = homeWithFiles({ f: twoDays });
  await cli("import", "f");
  const before = dayFiles(dir);
  const [first = ""] = readdirSync(dir).sort();
  writeFileSync(
    join(dir, first),
    readFileSync(join(dir, first), "latin1").replace("anonymized", "Xnonymized"),
  );
  expect((await openJournal(dir).index()).damage).toHaveLength(1);
  expect((await cli("import", "f", "--json")).json()).toMatchObject({
    files: [{ frames: 1, into: [first] }],
  });
  expect(dayFiles(dir)).toEqual(before);
});

test("blocks out of order, or of one second, become frames in order of time", async () => {
  const text = [
    block("2025-10-06T14:35:00Z", SECOND, 7),
    block("2025-10-06T16:30:00+02:00", FIRST, 5),
    block("2025-10-06T14:35:00Z", SECOND + 1, 8),
  ].join("");
  const { dir, cli } = homeWithFiles({ f: text });
  await cli("import", "f");
  const views = (await readSamples(dir)).filter((sample) => sample.startsWith("k1_screen"));
  expect(views.map((sample) => sample.slice(-16))).toEqual(
    [`5 @${FIRST}`, `7 @${SECOND}`, `8 @${SECOND + 1}`].map((text) => text.padStart(16).slice(-16)),
  );
  const { frames } = await openJournal(dir).index();
  expect(frames.map(({ header }) => header.writtenMs % 300_000)).toEqual([0, 0, 1]);
});

const good = block("2025-10-06T14:30:00Z", FIRST, 5);

for (const { name, text, says } of [
  {
    name: "a line without a value",
    text: `${good}# Written: 2025-10-06T14:35:00Z\na_total\n`,
    says: /^bad:8:\d+: .*: "a_total"$/m,
  },
  {
    name: "a torn last line",
    text: good.slice(0, -20),
    says: /^bad:6:\d+: .*: "k1_informer_sync_duration_seconds_count\{resource=/m,
  },
  {
    name: "a last line that lost digits of its time",
    text: `${good.slice(0, -4)}\n`,
    says: /^bad:6:1: expected the sample's time in milliseconds, 13 digits, behind its value: /m,
  },
  {
    name: "times in seconds",
    text: `# Written: 2025-10-06T14:30:00Z\na{b="} 1 2"} 1 1759761000\n`,
    says: /^bad:2:1: expected the sample's time in milliseconds, 13 digits, behind its value: "a\{b=.*"$/m,
  },
  {
    name: "a sample without a time",
    text: `# Written: 2025-10-06T14:30:00Z\n\na 1\n`,
    says: /^bad:3:1: expected the sample's time in milliseconds, 13 digits, behind its value: "a 1"$/m,
  },
  {
    name: "samples before the first block",
    text: `# A comment.\na 1 ${FIRST}\n${good}`,
    says: /^bad:2:1: expected `# Written: <time>` before the first sample: "a 1 1759761000123"$/m,
  },
  {
    name: "a time that is none",
    text: `${good}# Written: yesterday\n`,
    says: /^bad:7:1: expected a time such as `# Written: 2025-10-06T14:30:00Z`: "# Written: yesterday"$/m,
  },
  { name: "no block at all", text: "", says: /^bad:1:1: expected `# Written: <time>`, found no such line$/m },
  {
    name: "a journal's own day file",
    text: "\n# Written: 2025-10-06T14:30:00.000Z v=1 session=3f9c2a17 seq=12 kind=full\n",
    says: /^bad:2:1: expected a file of another program; this is a journal's own day file/m,
  },
  {
    name: "a long line",
    text: `# Written: 2025-10-06T14:30:00Z\n${"x".repeat(500)}\n`,
    says: /^bad:2:\d+: .*: "x{80}…"$/m,
  },
]) {
  test(`${name} is told with file, line and what was expected, and nothing is imported`, async () => {
    const { dir, cli } = homeWithFiles({ good, bad: text });
    const { exitCode, stderr, stdout } = await cli("import", "good", "bad");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr).toContain("promferry: nothing was imported");
    expect(stdout).toBe("");
    expect(() => readdirSync(dir)).toThrow("ENOENT");
    const { json } = await cli("import", "good", "bad", "--json");
    expect(json()).toMatchObject({
      files: [],
      exitCode: 1,
      problems: [{ file: "bad", line: expect.any(Number) }],
    });
  });
}

test("every bad block is told, up to twenty", async () => {
  const { cli } = homeWithFiles({ f: "# Written: never\n".repeat(25) });
  const { stderr } = await cli("import", "f");
  expect(stderr.match(/^f:\d+:1: expected a time/gm)).toHaveLength(20);
  expect(stderr).toContain("f: and 5 more blocks");
});

test("a file that is not there is exit 74", async () => {
  const { cli } = homeWithFiles({});
  const { exitCode, stderr } = await cli("import", "missing.prom");
  expect(exitCode).toBe(74);
  expect(stderr).toContain("missing.prom: not there (ENOENT)");
});
