import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { createJournalWriter, dayFileName, type GaugeMerge } from "@promferry/core/journal";
import type { MetricFamily, MetricType } from "@promferry/core/series";
import { createSeriesDictionary } from "@promferry/core/series";
import { INTERVAL_MS, type Page, type Run } from "./program.ts";

const TYPES: Readonly<Record<string, MetricType>> = {
  k1_screen_views_total: "counter",
  k1_screen_render_duration_seconds: "histogram",
  k1_terminal_width: "gauge",
  k1_informer_objects_cached: "gauge",
};

const gauges: Readonly<Record<string, GaugeMerge>> = { k1_informer_objects_cached: { sessions: "sum" } };

/** Writes all runs into day files, in the order in which the frames came, each killed run with a torn frame. */
export async function writeJournal(dir: string, runs: readonly Run[]): Promise<void> {
  let clockMs = 0;
  const acts = runs.flatMap((run) => {
    const open = () =>
      createJournalWriter({
        dir,
        session: run.session,
        origin: "app",
        consent: "config",
        info: { app: "k1", version: run.version, intervalMs: INTERVAL_MS, gauges },
        dayBoundary: "utc",
        now: () => clockMs,
        monotonicMs: () => clockMs,
      });
    let writer: ReturnType<typeof open> | undefined;
    const start = async (): Promise<void> => {
      writer = open();
      await writer.write({ kind: "start", families: [] });
    };
    const writes = run.frames.map((frame, index) => ({
      atMs: frame.atMs,
      act: async () => {
        const isLast = index === run.frames.length - 1;
        await writer?.write({ kind: "full", families: families(frame.page), exit: isLast && run.exits });
        if (isLast && !run.exits) await appendFile(join(dir, dayFileName(frame.atMs, "utc")), tornFrame(run));
        if (isLast) await writer?.close();
      },
    }));
    return [{ atMs: run.startedMs, act: start }, ...writes];
  });
  for (const { atMs, act } of acts.sort((a, b) => a.atMs - b.atMs)) {
    clockMs = atMs;
    await act();
  }
}

/** What a kill in the middle of a write leaves. */
function tornFrame(run: Run): string {
  const seq = run.frames.length + 1;
  return `\n# Written: 2026-01-01T00:00:00.000Z v=1 session=${run.session} seq=${seq} kind=full origin=app consent=config\n# TYPE k1_screen_views_total counter\nk1_screen_views_total{screen="po`;
}

const dictionary = createSeriesDictionary();

function families(page: Page): MetricFamily[] {
  return Object.entries(TYPES).flatMap(([name, type]) => {
    const rows = [...page].filter(([series]) => series.startsWith(name));
    if (rows.length === 0) return [];
    return {
      name,
      type,
      help: `Help of ${name}.`,
      unit: "",
      series: rows.map(([series]) => {
        const [sample = "", inner = ""] = series.split(/[{}]/);
        const labels = [...inner.matchAll(/(\w+)="([^"]*)"/g)];
        return dictionary.intern(
          sample,
          labels.map(([, label = "", value = ""]) => ({ name: label, value })),
        );
      }),
      values: rows.map(([, value]) => value),
      timestampsMs: rows.map(() => Number.NaN),
    };
  });
}
