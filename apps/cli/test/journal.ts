import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createJournalWriter, openJournal, type WriterInfo } from "@promferry/core/journal";
import { formatNativeHistogram, isHistogram, type MetricFamily, valueAt } from "@promferry/core/series";
import { parseExposition } from "@promferry/core/text-format";

/** Far from midnight in every time zone, so that a session lies in one file. */
const NOON = Date.UTC(2025, 9, 6, 12);

export interface WrittenJournal {
  /** Time of the first frame with samples. */
  readonly firstMs: number;
}

/**
 * Writes one finished session of a program named k1 into `dir`: `k1_views_total` counts
 * 5, then 9, for `screen="pods"`, and `cluster_name` says more than it should.
 */
export async function writeAppSession(
  dir: string,
  options: {
    consent?: "config" | "flag" | "enabled";
    info?: Partial<WriterInfo>;
    session?: string;
    atMs?: number;
  } = {},
): Promise<WrittenJournal> {
  const { consent = "config", info = {}, session, atMs = NOON } = options;
  const writer = createJournalWriter({
    dir,
    origin: "app",
    consent,
    info: { app: "k1", version: "1.2.3", os: "linux", arch: "x64", intervalMs: 300_000, ...info },
    ...(session ? { session } : {}),
  });
  await writer.write({ kind: "start", families: [], atMs });
  await writer.write({ kind: "full", families: views(5), atMs: atMs + 60_000 });
  await writer.write({ kind: "full", families: views(9), atMs: atMs + 120_000, exit: true });
  await writer.close();
  return { firstMs: atMs + 60_000 };
}

function views(value: number): readonly MetricFamily[] {
  const text = `# HELP k1_views_total Screens opened.
# TYPE k1_views_total counter
k1_views_total{screen="pods",cluster_name="prod"} ${value}
`;
  return parseExposition(text, { format: "prometheus" });
}

/**
 * Every sample of a journal as `name{labels} value`, with `@` and the time where it isn't the frame's, behind that
 * its exemplars and since when it counts.
 */
export async function readSamples(dir: string): Promise<string[]> {
  const journal = openJournal(dir);
  const samples: string[] = [];
  for (const ref of (await journal.index()).frames) {
    for (const family of (await journal.read(ref)).families) {
      const { timestampsMs, exemplars, startsMs } = family;
      family.series.forEach((each, i) => {
        const labels = each.labels.map(({ name, value }) => `${name}=${value}`).join(",");
        const own = timestampsMs[i] === ref.header.writtenMs ? "" : ` @${timestampsMs[i]}`;
        const value = valueAt(family, i);
        const shown = isHistogram(value) ? formatNativeHistogram(value) : (value ?? "stale");
        const traces = (exemplars?.get(i) ?? []).map(
          (exemplar) => ` # ${JSON.stringify(exemplar.labels)} ${exemplar.value} @${exemplar.timestampMs}`,
        );
        const start = startsMs?.has(i) ? ` since ${startsMs.get(i)}` : "";
        samples.push(`${each.name}{${labels}} ${shown}${own}${traces.join("")}${start}`);
      });
    }
  }
  return samples;
}

/** The day files as they are on the disk. */
export function dayFiles(dir: string): Record<string, string> {
  const names = readdirSync(dir).filter((name) => /\.prom(\.gz)?$/.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), "latin1")]));
}
