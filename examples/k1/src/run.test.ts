import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import { expect, type OnTestFinishedHandler, test } from "vitest";
import { parseCommandLine } from "./command-line.ts";
import { runK1 } from "./run.ts";

async function directory(onTestFinished: (fn: OnTestFinishedHandler) => void): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "promferry-k1-"));
  onTestFinished(() => rm(parent, { recursive: true }));
  return join(parent, "metrics");
}

const lineFor = (dir: string, ...args: readonly string[]) =>
  parseCommandLine(["--dir", dir, "--steps", "60", "--frames", "3", ...args], {});

test("k1 writes nothing unless it is asked to", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const report = await runK1(lineFor(dir), {});
  expect(report).toMatchObject({
    frames: 0,
    failed: 0,
    consent: { state: "off", reasons: ["nobody switched it on"] },
  });
  await expect(readdir(dir)).rejects.toThrow("ENOENT");
});

test("K1_TELEMETRY=off wins over the flag", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const report = await runK1(lineFor(dir, "--enable-metrics-collection"), { K1_TELEMETRY: "off" });
  expect(report.consent.state).toBe("off");
});

test("two runs at once leave every frame of both, and their catalogue", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const run = (seed: string) => runK1(lineFor(dir, "--enable-metrics-collection", "--seed", seed), {});
  const reports = await Promise.all([run("1"), run("2")]);
  const { frames, damage } = await openJournal(dir).index();
  expect(damage).toEqual([]);
  for (const { session, frames: written, failed } of reports) {
    const own = frames.filter(({ header }) => header.session === session);
    expect(own.map(({ header }) => header.kind)).toEqual(["start", "full", "changes", "changes", "full"]);
    expect(own.at(-1)?.header).toMatchObject({ exit: true, consent: "flag", origin: "app" });
    expect({ written, failed }).toEqual({ written: own.length, failed: 0 });
    expect(own[0]?.info).toMatchObject({ app: "k1", version: "v0.1.0" });
    const catalogue = await readFile(join(dir, `catalog-${own[0]?.info.catalog}.json`), "utf8");
    expect(catalogue).toContain("k1_screen_views_total");
  }
});

test("the last frame has what the run counted", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const { counted } = await runK1(lineFor(dir, "--enable-metrics-collection"), {});
  const journal = openJournal(dir);
  const { frames } = await journal.index();
  const { families } = await journal.read(frames.at(-1)!);
  const views = families.find(({ name }) => name === "k1_screen_views_total")!;
  const found = views.series.map(({ labels }, row) => [
    `k1_screen_views_total{screen="${labels[0]!.value}"}`,
    views.values[row],
  ]);
  const expected = Object.entries(counted.counters).filter(([series]) =>
    series.startsWith("k1_screen_views_total"),
  );
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
});

test("without frames meanwhile a run is its first and its last", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const report = await runK1(lineFor(dir, "--enable-metrics-collection", "--frames", "0"), {});
  expect(report.frames).toBe(2);
  const { frames } = await openJournal(dir).index();
  expect(frames.map(({ header }) => `${header.kind} ${header.exit}`)).toEqual(["start false", "full true"]);
});
