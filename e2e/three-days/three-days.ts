import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";
import {
  type Labels,
  type ProgramOptions,
  type ProgramResult,
  runCli,
  type StoredSeries,
} from "../harness/index.ts";
import type { ExpectedSample } from "./expected.ts";
import { type Run, threeDaysOfRuns } from "./program.ts";
import { writeJournal } from "./write-journal.ts";

const END_MS = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;

/** Before the first sample. */
export const BEGIN_MS: number = END_MS - 4 * 86_400_000;

export interface ThreeDays {
  readonly runs: readonly Run[];
  /** The journal. */
  readonly dir: string;
  /** A folder of the test's own. */
  readonly home: string;
  /** Runs the CLI on journal and configuration. */
  readonly cli: (args: readonly string[], options?: ProgramOptions) => Promise<ProgramResult>;
}

/** A journal of three days, configured for one destination. */
export async function threeDays(
  context: Pick<TestContext, "onTestFinished">,
  destination: object = {},
): Promise<ThreeDays> {
  const home = await mkdtemp(join(tmpdir(), "promferry-three-days-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const runs = threeDaysOfRuns(END_MS, 7);
  const dir = join(home, "metrics");
  await writeJournal(dir, runs);
  const destinations = "type" in destination ? [{ name: "there", ...destination }] : [];
  const config = {
    metrics: {
      enabled: true,
      dir,
      anonymize_user: false,
      exclusive: true,
      day_boundary: "utc",
      destinations,
    },
  };
  await writeFile(join(home, "config.yaml"), JSON.stringify(config));
  return {
    runs,
    dir,
    home,
    cli: (args, options) => runCli([...args, "--config", join(home, "config.yaml")], options),
  };
}

/** Samples as `[ms, number]` by series, in the order of their names. */
export function bySeries(stored: readonly StoredSeries[]): ReadonlyMap<string, readonly ExpectedSample[]> {
  const entries = stored.map(({ labels, samples }) => {
    const list = samples.map(({ timestampMs, value }): ExpectedSample => [timestampMs, Number(value)]);
    return [seriesText(labels), list] as const;
  });
  return inOrder(new Map(entries));
}

/** The same map in the order of its keys. */
export function inOrder<T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return new Map([...map].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

/** `name{a="1",b="2"}`, labels sorted. */
export function seriesText({ __name__, ...labels }: Labels): string {
  const inner = Object.keys(labels)
    .sort()
    .map((name) => `${name}="${labels[name]}"`);
  return `${__name__}{${inner.join(",")}}`;
}
