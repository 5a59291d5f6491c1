import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CollectLine, KINDS } from "../children/collect-task.ts";
import { demand } from "../fault.ts";
import { readFrames } from "../frame-reader.ts";

export interface SideLogVerdict {
  /** Each series' total over all processes, as of each one's last frame on the disk. */
  readonly totals: ReadonlyMap<string, number>;
  readonly sessions: number;
  readonly acknowledged: number;
  readonly frames: number;
}

/** From when to when a machine without power went on all the same: what it says then, nobody would have heard. */
export interface Cut {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Holds a journal against the logs that its writers kept beside it.
 *
 * @throws {Breach} An acknowledged frame is missing, or a frame holds what its writer never had.
 */
export async function checkSideLogs(
  logDir: string,
  journal: ReadonlyMap<string, Uint8Array>,
  cuts: readonly Cut[] = [],
): Promise<SideLogVerdict> {
  const frames = new Map(readFrames(journal).map((frame) => [`${frame.session} ${frame.seq}`, frame]));
  const said = new Map<string, CollectLine>();
  let acknowledged = 0;
  for (const name of await readdir(logDir)) {
    const lines = (await readFile(join(logDir, name), "utf8")).split("\n").slice(0, -1);
    for (const text of lines) {
      const line = JSON.parse(text) as CollectLine;
      said.set(`${line.session} ${line.flush}`, line);
      const { seq, atMs = 0 } = line;
      if (seq === undefined || cuts.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs)) continue;
      acknowledged++;
      demand(
        frames.has(`${line.session} ${line.seq}`),
        `frame ${line.seq} of ${line.session} was acknowledged and is nowhere`,
      );
    }
  }
  const lastFlush = new Map<string, number>();
  for (const { session, samples, whole } of frames.values()) {
    const flush = samples.get("app_flushes_total");
    if (flush === undefined || flush === 0) continue;
    const line = said.get(`${session} ${flush}`);
    demand(line !== undefined && whole, `a frame of ${session} shows flush ${flush}, which never was`);
    for (const [i, kind] of KINDS.entries()) {
      const found = samples.get(seriesOf(kind)) ?? 0;
      demand(
        found === line.counts[i],
        `flush ${flush} of ${session}: ${found} events, its log says ${line.counts[i]}`,
      );
    }
    lastFlush.set(session, Math.max(lastFlush.get(session) ?? 0, flush));
  }
  const totals = new Map<string, number>();
  const add = (series: string, by: number) => totals.set(series, (totals.get(series) ?? 0) + by);
  for (const [session, flush] of lastFlush) {
    add("app_flushes_total", flush);
    for (const [i, kind] of KINDS.entries()) add(seriesOf(kind), said.get(`${session} ${flush}`)!.counts[i]!);
  }
  return { totals, sessions: lastFlush.size, acknowledged, frames: frames.size };
}

function seriesOf(kind: string): string {
  return `app_events_total{kind="${kind}"}`;
}
