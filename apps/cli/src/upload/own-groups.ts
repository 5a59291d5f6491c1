import type { Batch } from "@promferry/core/delivery";
import type { Journal, SessionInfo } from "@promferry/core/journal";
import { canonicalLabels, createSeriesDictionary, type EpochMs } from "@promferry/core/series";
import { weekOf } from "@promferry/privacy";

/** A session of a program, in a week in which it wrote. */
export interface SessionWeek {
  readonly info: SessionInfo;
  readonly weekMs: EpochMs;
}

/** What the journal knows of sessions, each once a week. */
export async function sessionWeeks(journal: Journal): Promise<readonly SessionWeek[]> {
  const weeks = new Map<string, SessionWeek>();
  for (const { header, info } of (await journal.index()).frames) {
    const weekMs = weekOf(header.writtenMs);
    weeks.set(`${header.session} ${weekMs}`, { info, weekMs });
  }
  return [...weeks.values()];
}

/** A series that has ended: a Pushgateway deletes the group when it has no other. */
export function endedSeries(labels: Readonly<Record<string, string>>, nowMs: EpochMs): Batch {
  const pairs = Object.entries(labels).flatMap(([name, value]) => (value === "" ? [] : [{ name, value }]));
  const name = "promferry_forgotten";
  const series = createSeriesDictionary().intern(name, canonicalLabels(pairs));
  const family = { name, type: "gauge", help: "", unit: "" } as const;
  return { series: [{ series, family, timestampsMs: [nowMs], values: [null] }], sampleCount: 1 };
}
