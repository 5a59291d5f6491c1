import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { encodeFrame } from "./encode-frame.ts";
import { openJournal } from "./journal.ts";

/** A journal of the first version; see `docs/journal-versions.md`. */
const SAMPLE = fileURLToPath(new URL("../../test/v1-sample", import.meta.url));
const open = () => openJournal(SAMPLE, { now: () => Date.UTC(2025, 9, 8) });

test("every frame of a v1 journal is found, and nothing else", async () => {
  const { frames, held, damage, unsupported, files } = await open().index();
  expect({ held, damage, unsupported }).toEqual({ held: [], damage: [], unsupported: [] });
  expect(files.map(({ name, frameCount }) => [name, frameCount])).toEqual([
    ["2025-10-05.prom.gz", 4],
    ["2025-10-06.prom", 5],
  ]);
  expect(
    frames.map(({ file, header, sampleCount }) => {
      const { writtenMs, session, seq, kind, origin, consent, base = "", exit } = header;
      const at = new Date(writtenMs).toISOString();
      return `${file} ${at} ${session} ${seq} ${kind} ${base} ${origin} ${consent} ${exit} ${sampleCount}`;
    }),
  ).toEqual([
    "2025-10-05.prom.gz 2025-10-05T08:00:00.000Z 00000a01 2 full  app config false 7",
    "2025-10-05.prom.gz 2025-10-05T08:05:00.000Z 00000a01 3 changes 2 app config false 6",
    "2025-10-05.prom.gz 2025-10-05T08:10:00.000Z 00000a01 4 changes 3 app config false 0",
    "2025-10-05.prom.gz 2025-10-05T08:12:00.000Z 00000a01 5 full  app config true 7",
    "2025-10-06.prom 2025-10-06T09:00:00.000Z 00000b02 0 start  app config false 0",
    "2025-10-06.prom 2025-10-06T09:05:00.000Z 00000b02 1 full  app config false 7",
    "2025-10-06.prom 2025-10-06T09:06:00.000Z 00000c03 0 full  scrape user false 3",
    "2025-10-06.prom 2025-10-06T09:07:00.000Z 00000c03 1 full  scrape user false 3",
    "2025-10-06.prom 2025-10-06T09:10:00.000Z 00000b02 2 changes 1 app config false 1",
  ]);
  const infos = Object.fromEntries(frames.map(({ header, info }) => [header.session, info]));
  const k1 = { app: "k1", os: "linux", arch: "x64", intervalMs: 300_000, runId: "r1", gitSha: "abc123" };
  const gauges = { k1_depth: { sessions: "sum" } };
  expect(infos).toEqual({
    "00000a01": { ...k1, version: "1.2.0", startedMs: Date.UTC(2025, 9, 4, 8), gauges },
    "00000b02": { ...k1, version: "1.3.0", startedMs: Date.UTC(2025, 9, 6, 9), gauges },
    "00000c03": { startedMs: Date.UTC(2025, 9, 6, 9, 6), intervalMs: 15_000 },
  });
});

const pods = 'k1_views_total{screen="pods"}';
const odd = 'k1_views_total{screen="a "b" \\ c\nd"}';
const fast = 'k1_draw_seconds_bucket{le="0.1"}';
const all = 'k1_draw_seconds_bucket{le="+Inf"}';
const app = (views: number, depth: number, under: number, count: number, sum: number) => [
  `${pods} ${views}`,
  `${odd} 1`,
  `k1_depth ${depth}`,
  `${fast} ${under}`,
  `${all} ${count}`,
  `k1_draw_seconds_sum ${sum}`,
  `k1_draw_seconds_count ${count}`,
];

test("every sample of a v1 journal is what it was", async () => {
  const journal = open();
  const found: Record<string, string[]> = {};
  for (const ref of (await journal.index()).frames) {
    const { header, families, partial } = await journal.read(ref);
    expect(partial).toBeUndefined();
    found[`${header.session} ${header.seq}`] = families.flatMap(({ series, values, timestampsMs }) =>
      series.map(({ name, labels }, i) => {
        const own = labels.map((label) => `${label.name}="${label.value}"`).join(",");
        const time = timestampsMs[i] === header.writtenMs ? "" : ` @${timestampsMs[i]}`;
        return `${name}${own && `{${own}}`} ${values[i]}${time}`;
      }),
    );
  }
  expect(found).toEqual({
    "00000a01 2": app(2, 2, 1, 2, 0.5),
    "00000a01 3": app(5, 3, 2, 4, 1),
    "00000a01 4": app(5, 3, 2, 4, 1),
    "00000a01 5": app(6, 0, 3, 5, 1.25),
    "00000b02 0": [],
    "00000b02 1": app(2, 1, 1, 1, 0.25),
    "00000b02 2": app(7, 1, 1, 1, 0.25),
    "00000c03 0": ['jobs_total{instance="h:9100"} 5', "node_time_seconds 1.5 @1759741500123", "up NaN"],
    "00000c03 1": ['jobs_total{instance="h:9100"} 1', "node_time_seconds Infinity @1759741515123", "up 1"],
  });
});

test("types and help of a v1 journal are what they were", async () => {
  const journal = open();
  const { frames } = await journal.index();
  const families = (await journal.read(frames.find(({ header }) => header.seq === 5)!)).families;
  expect(families.map(({ name, type, help }) => `${name} ${type} ${help}`)).toEqual([
    "k1_views_total counter Screens opened.",
    "k1_depth gauge Open dialogs.",
    "k1_draw_seconds histogram Time to draw.",
  ]);
});

test("what is written today is v1, byte for byte, so that the first version reads it", async () => {
  const plain = await readFile(join(SAMPLE, "2025-10-06.prom"));
  const packed = gunzipSync(await readFile(join(SAMPLE, "2025-10-05.prom.gz")));
  const journal = open();
  const { frames } = await journal.index();
  const start = frames.find(({ header }) => header.kind === "start")!;
  const full = frames.find(({ header }) => header.session === "00000b02" && header.seq === 1)!;
  const exit = frames.find(({ header }) => header.exit)!;
  for (const [ref, info, day] of [
    [start, start.info, plain],
    [full, full.info, plain],
    [exit, undefined, packed],
  ] as const) {
    const bytes = encodeFrame(ref.header, info, (await journal.read(ref)).families);
    expect(day.includes(Buffer.from(bytes))).toBe(true);
  }
});
