import type { FrameOrigin, SessionInfo } from "../journal/frame.ts";
import { seriesKey } from "../series/dictionary.ts";
import type { EpochMs, FamilyMetadata, MetricType, Series } from "../series/series.ts";
import type { Accumulator } from "./accumulator.ts";
import { endSource, type SourceBuckets } from "./bucket-totals.ts";
import type { SlotTable } from "./slot-table.ts";
import {
  type BucketTarget,
  type CounterTarget,
  endCounter,
  type GaugeTarget,
  leaveGauge,
  type PageTarget,
} from "./targets.ts";

/** Where one series of one session goes, decided at first sight; `type` is its family's at that time. */
export type Slot =
  | { readonly kind: "withheld"; readonly type: MetricType; readonly reason: string }
  | CounterSlot
  | BucketSlot
  | GaugeSlot
  | { readonly kind: "page"; readonly type: MetricType; readonly target: PageTarget };

/** What the totals of a target hold on to. */
export type CountingSlot = CounterSlot | BucketSlot | GaugeSlot;

export interface CounterSlot {
  readonly kind: "counter";
  readonly type: MetricType;
  readonly target: CounterTarget;
  readonly accumulator: Accumulator;
  /** Where the series belongs to a histogram or a summary. */
  readonly group: SourceGroup | undefined;
  /** Whether it is the group's `_count`. */
  readonly isCount: boolean;
}

export interface BucketSlot {
  readonly kind: "bucket";
  readonly type: MetricType;
  readonly target: BucketTarget;
  readonly accumulator: Accumulator;
  /** As the series leaves. */
  readonly bound: number;
  readonly group: SourceGroup;
  /** Where the bound was found last among the group's. */
  place: number;
}

export interface GaugeSlot {
  readonly kind: "gauge";
  readonly type: MetricType;
  readonly target: GaugeTarget;
  value: number;
  /** Of the frame that showed it last. */
  atMs: EpochMs;
}

/** One histogram or summary of one session: it is reset as a whole, and its `_count` tells. */
export interface SourceGroup {
  /** Of the session's `groups`. */
  readonly key: string;
  /** Whether the frame that had its `_count` last shows a reset … */
  reset: boolean;
  /** … and that frame's number. */
  toldIn: number;
  target: BucketTarget | undefined;
  readonly buckets: SourceBuckets;
}

/** What the totals know of one session. */
export interface SessionState {
  readonly id: string;
  readonly origin: FrameOrigin;
  info: SessionInfo;
  /** Whether a frame of it was seen that a series would stand in, were it not new: then it counts from zero. */
  fromZero: boolean;
  lastSeq: number;
  lastMs: EpochMs;
  /** Of the frame before the last one. */
  previousMs: EpochMs | undefined;
  exited: boolean;
  readonly slots: SlotTable;
  /** By family name and labels without `le` and `quantile`. */
  readonly groups: Map<string, SourceGroup>;
}

/** Whether the session may still write at `atMs`: not after its exit, not after two silent intervals. */
export function runsAt(session: SessionState, atMs: EpochMs): boolean {
  return atMs <= endOf(session);
}

/** The last instant at which the session, as it is known now, still runs. */
export function endOf({ exited, lastMs, info }: SessionState): EpochMs {
  return exited ? lastMs : lastMs + 2 * info.intervalMs;
}

/** Lets go of all that the session has counted. Should it write again, its first values are a baseline. */
export function forgetSeries(session: SessionState): void {
  session.fromZero = false;
  session.info = { startedMs: session.info.startedMs, intervalMs: session.info.intervalMs };
  forgetCounts(session);
}

/** Lets go of what its series stand for. */
export function forgetCounts(session: SessionState): void {
  session.slots.clear();
  session.groups.clear();
}

/** The histogram or summary that a series of the session belongs to. */
export function groupOf(source: Series, family: FamilyMetadata, session: SessionState): SourceGroup {
  const labels = source.labels.filter(({ name }) => name !== "le" && name !== "quantile");
  return groupAt(session, seriesKey(family.name, labels));
}

/** The session's group with this key, opened where it is new. */
export function groupAt(session: SessionState, key: string): SourceGroup {
  let group = session.groups.get(key);
  if (!group) {
    group = { key, reset: false, toldIn: 0, target: undefined, buckets: { bounds: [], accumulators: [] } };
    session.groups.set(key, group);
  }
  return group;
}

/** The family that a series of a program came in. */
export function familyOf(source: Series, { type, target }: CountingSlot): FamilyMetadata {
  const isGrouped = type === "histogram" || type === "summary";
  const name = isGrouped ? source.name.replace(/_(?:bucket|sum|count)$/, "") : source.name;
  return { name, type, help: target.family.help, unit: target.family.unit };
}

/** Ends what the slot stood for, as its series goes on under another type. */
export function closeSlot(slot: Slot, session: SessionState): void {
  if (slot.kind === "counter") endCounter(slot.target, slot.accumulator);
  else if (slot.kind === "gauge") leaveGauge(session, slot);
  else if (slot.kind === "bucket") {
    endSource(slot.target.totals, slot.group.buckets);
    session.groups.delete(slot.group.key);
  }
}
