/**
 * The totals' state as JSON, so that totals go on after the days they were made of are deleted.
 *
 * Version 1. Numbers that JSON lacks (an infinite bound, NaN) stand as the strings `"+Inf"`,
 * `"-Inf"` and `"NaN"`.
 */

import type { FrameOrigin, GaugeMerge, SessionInfo } from "../journal/frame.ts";
import { formatNativeHistogram, parseNativeHistogram } from "../series/native-histogram.ts";
import type { EpochMs, FamilyMetadata, Label, MetricType, SampleValue, Series } from "../series/series.ts";
import { addSourceBucket, joinSource } from "./bucket-totals.ts";
import { type CountingSlot, groupAt, type SessionState } from "./session-state.ts";
import { SlotTable } from "./slot-table.ts";
import type { TargetTable } from "./target-table.ts";
import { joinCounter, joinGauge, type Target } from "./targets.ts";

/** A number as JSON can hold it. */
export type StoredNumber = number | "NaN" | "+Inf" | "-Inf";

/** Name and labels, the labels as name and value in turn. */
export type StoredSeries = readonly [name: string, ...labels: string[]];

export interface StoredTarget {
  readonly kind: Target["kind"];
  readonly family: FamilyMetadata;
  readonly emitted: boolean;
  readonly stale: boolean;
  readonly owedSinceMs?: EpochMs;
  readonly isBelow?: true;
  /** Slots of running sessions that feed it, in the order in which they are added up; see {@link StoredSlot}. */
  readonly live?: readonly number[];
  readonly series?: StoredSeries;
  /** Of a counter. */
  readonly endedGrowth?: StoredNumber;
  /** Of a histogram. */
  readonly bounds?: readonly {
    readonly bound: StoredNumber;
    readonly ended: StoredNumber;
    readonly series: StoredSeries;
    readonly emitted: boolean;
    readonly firstValue: StoredNumber;
  }[];
  /** Of a gauge. */
  readonly merge?: GaugeMerge;
  /** Of a scraped series. */
  readonly newestMs?: StoredNumber;
  readonly value?: StoredNumber;
  /** Counts instead of `value`, which is NaN then: a native histogram as `formatNativeHistogram` writes it, or `stale`. */
  readonly special?: string;
  readonly lastExemplar?: {
    readonly labels: readonly Label[];
    readonly value: StoredNumber;
    readonly timestampMs: StoredNumber;
  };
  readonly session?: string;
  readonly shownAtMs?: StoredNumber;
}

/** Known by its number: its place among all slots of all sessions, in their order. */
export interface StoredSlot {
  readonly source: StoredSeries;
  readonly type: MetricType;
  /** Index into `targets`. */
  readonly target: number;
  readonly offset?: StoredNumber;
  readonly last?: StoredNumber;
  readonly group?: string;
  readonly isCount?: boolean;
  readonly bound?: StoredNumber;
  readonly value?: StoredNumber;
  readonly atMs?: EpochMs;
}

export interface StoredSession {
  readonly id: string;
  readonly origin: FrameOrigin;
  readonly info: SessionInfo;
  readonly fromZero: boolean;
  readonly lastSeq: number;
  readonly lastMs: EpochMs;
  readonly previousMs?: EpochMs;
  readonly exited: boolean;
  readonly running: boolean;
  readonly slots: readonly StoredSlot[];
}

/** All state of the totals of one destination. */
export interface TotalsCheckpoint {
  readonly v: 1;
  readonly newestMs: StoredNumber;
  /** What the destination had when the totals began anew; absent where they never did. */
  readonly restartedMs?: EpochMs;
  readonly targets: readonly StoredTarget[];
  readonly sessions: readonly StoredSession[];
  readonly types: readonly (readonly [name: string, type: MetricType, startedMs: EpochMs, session: string])[];
  readonly versions: readonly {
    readonly version: string;
    readonly told: boolean;
    readonly targets: readonly number[];
  }[];
}

/** What a checkpoint holds, live. */
export interface TotalsMemory {
  readonly newestMs: EpochMs;
  readonly restartedMs: EpochMs;
  readonly sessions: Map<string, SessionState>;
  readonly running: Set<SessionState>;
  readonly types: Map<
    string,
    { readonly type: MetricType; readonly startedMs: EpochMs; readonly session: string }
  >;
  readonly versions: Map<string, { readonly targets: Set<Target>; told: boolean }>;
}

/** Copies all state. */
export function writeCheckpoint(
  memory: TotalsMemory & { readonly targets: readonly Target[]; readonly passesOn: boolean },
): TotalsCheckpoint {
  const isKept = (target: Target) =>
    !memory.passesOn || target.kind !== "page" || target.newestMs !== target.shown?.atMs;
  const targets = memory.targets.filter(isKept);
  const indexOf = new Map(targets.map((target, index) => [target, index]));
  const sessions = [...memory.sessions.values()].filter(
    (session) => !memory.passesOn || session.origin === "app" || memory.running.has(session),
  );
  const numberOf = new Map<object, number>();
  const stored = sessions.map((session) => storedSlots(session));
  for (const [number, { slot }] of stored.flat().entries()) {
    const feeder = feederOf(slot);
    if (!numberOf.has(feeder)) numberOf.set(feeder, number);
  }
  return {
    v: 1,
    newestMs: store(memory.newestMs),
    ...(Number.isFinite(memory.restartedMs) && { restartedMs: memory.restartedMs }),
    targets: targets.map((target) => storeTarget(target, numberOf)),
    sessions: sessions.map((session, i) => ({
      id: session.id,
      origin: session.origin,
      info: session.info,
      fromZero: session.fromZero,
      lastSeq: session.lastSeq,
      lastMs: session.lastMs,
      ...(session.previousMs !== undefined && { previousMs: session.previousMs }),
      exited: session.exited,
      running: memory.running.has(session),
      slots: stored[i]!.map(({ source, slot }) => storeSlot(source, slot, indexOf)),
    })),
    types: [...memory.types].map(([name, { type, startedMs, session }]) => [name, type, startedMs, session]),
    versions: [...memory.versions].map(([version, { told, targets: fed }]) => ({
      version,
      told,
      targets: [...fed].map((target) => indexOf.get(target)!),
    })),
  };
}

/**
 * Rebuilds the state, its targets in `table`; without a checkpoint, empty state.
 *
 * @throws {TypeError} The checkpoint is of another version.
 */
export function readCheckpoint(checkpoint: TotalsCheckpoint | undefined, table: TargetTable): TotalsMemory {
  const memory = {
    newestMs: Number.NEGATIVE_INFINITY,
    restartedMs: Number.NEGATIVE_INFINITY,
    sessions: new Map<string, SessionState>(),
    running: new Set<SessionState>(),
    types: new Map<string, { type: MetricType; startedMs: EpochMs; session: string }>(),
    versions: new Map<string, { targets: Set<Target>; told: boolean }>(),
  };
  if (!checkpoint) return memory;
  if (checkpoint.v !== 1) throw new TypeError(`totals checkpoint: expected v 1, got ${String(checkpoint.v)}`);
  memory.newestMs = restore(checkpoint.newestMs);
  memory.restartedMs = checkpoint.restartedMs ?? Number.NEGATIVE_INFINITY;
  const targets = checkpoint.targets.map((stored) => restoreTarget(stored, table));
  const slots: { readonly session: SessionState; readonly slot: CountingSlot }[] = [];
  for (const stored of checkpoint.sessions) {
    const session: SessionState = {
      id: stored.id,
      origin: stored.origin,
      info: stored.info,
      fromZero: stored.fromZero,
      lastSeq: stored.lastSeq,
      lastMs: stored.lastMs,
      previousMs: stored.previousMs,
      exited: stored.exited,
      slots: new SlotTable(),
      groups: new Map(),
    };
    memory.sessions.set(session.id, session);
    if (stored.running) memory.running.add(session);
    for (const slot of stored.slots)
      slots.push({ session, slot: restoreSlot(slot, session, targets, table) });
  }
  for (const [i, target] of targets.entries()) {
    const { live = [], session, shownAtMs } = checkpoint.targets[i]!;
    for (const number of live) join(slots[number]!);
    if (target.kind !== "page" || session === undefined) continue;
    target.shown = { session: memory.sessions.get(session), atMs: restore(shownAtMs!) };
  }
  for (const [name, type, startedMs, session] of checkpoint.types) {
    memory.types.set(name, { type, startedMs, session });
  }
  for (const { version, told, targets: fed } of checkpoint.versions) {
    memory.versions.set(version, { told, targets: new Set(fed.map((index) => targets[index]!)) });
  }
  return memory;
}

/** What a session's series stand for; the others are found again at their next sample. */
function storedSlots(session: SessionState): { readonly source: Series; readonly slot: CountingSlot }[] {
  return [...session.slots.values()].flatMap(({ source, slot }) =>
    slot.kind === "withheld" || slot.kind === "page" ? [] : [{ source, slot }],
  );
}

/** What the slot's target adds up; all buckets of a histogram are one. */
function feederOf(slot: CountingSlot): object {
  if (slot.kind === "bucket") return slot.group.buckets;
  return slot.kind === "counter" ? slot.accumulator : slot;
}

function join({ session, slot }: { readonly session: SessionState; readonly slot: CountingSlot }): void {
  if (slot.kind === "counter") joinCounter(slot.target, slot.accumulator);
  else if (slot.kind === "gauge") joinGauge(session, slot);
  else joinSource(slot.target.totals, slot.group.buckets);
}

function storeTarget(target: Target, numberOf: ReadonlyMap<object, number>): StoredTarget {
  const { kind, family, emitted, stale, owedSinceMs, isBelow } = target;
  const shared = {
    kind,
    family,
    emitted,
    stale,
    ...(owedSinceMs !== undefined && { owedSinceMs }),
    ...(isBelow && { isBelow }),
  };
  const numbers = (feeders: Iterable<object>) => Array.from(feeders, (feeder) => numberOf.get(feeder)!);
  switch (target.kind) {
    case "counter":
      return {
        ...shared,
        live: numbers(target.live),
        series: storeSeries(target.series),
        endedGrowth: store(target.endedGrowth),
      };
    case "gauge":
      return {
        ...shared,
        live: numbers([...target.live.values()].flat()),
        series: storeSeries(target.series),
        merge: target.merge,
      };
    case "page":
      return {
        ...shared,
        series: storeSeries(target.series),
        newestMs: store(target.newestMs),
        ...(typeof target.value === "number"
          ? { value: store(target.value) }
          : { value: "NaN", special: target.value === null ? "stale" : formatNativeHistogram(target.value) }),
        ...(target.lastExemplar && {
          lastExemplar: {
            labels: target.lastExemplar.labels,
            value: store(target.lastExemplar.value),
            timestampMs: store(target.lastExemplar.timestampMs),
          },
        }),
        ...(target.shown?.session && {
          session: target.shown.session.id,
          shownAtMs: store(target.shown.atMs),
        }),
      };
    case "bucket":
      return {
        ...shared,
        live: numbers(target.totals.live),
        bounds: target.outlets.map((outlet, i) => ({
          bound: store(target.totals.bounds[i]!),
          ended: store(target.totals.ended[i]!),
          series: storeSeries(outlet.series),
          emitted: outlet.emitted,
          firstValue: store(outlet.firstValue),
        })),
      };
  }
}

function restoreTarget(stored: StoredTarget, table: TargetTable): Target {
  const target = openTarget(stored, table);
  target.emitted = stored.emitted;
  target.stale = stored.stale;
  target.owedSinceMs = stored.owedSinceMs;
  target.isBelow = stored.isBelow ?? false;
  return target;
}

function openTarget(stored: StoredTarget, table: TargetTable): Target {
  const { family } = stored;
  switch (stored.kind) {
    case "counter": {
      const target = table.counter(restoreSeries(stored.series!), family);
      target.endedGrowth = restore(stored.endedGrowth!);
      return target;
    }
    case "gauge":
      return table.gauge(restoreSeries(stored.series!), family, stored.merge ?? {});
    case "page": {
      const target = table.page(restoreSeries(stored.series!), family);
      target.newestMs = restore(stored.newestMs!);
      target.value = restorePageValue(stored);
      const last = stored.lastExemplar;
      target.lastExemplar = last && {
        labels: last.labels,
        value: restore(last.value),
        timestampMs: restore(last.timestampMs),
      };
      return target;
    }
    case "bucket": {
      const bounds = stored.bounds!;
      const target = table.buckets(restoreSeries(bounds[0]!.series), family);
      for (const { bound, ended, series, emitted, firstValue } of bounds) {
        const leaving = restoreSeries(series);
        target.totals.bounds.push(restore(bound));
        target.totals.ended.push(restore(ended));
        target.totals.liveGrowth?.push(0);
        target.outlets.push({
          series: table.dictionary.intern(leaving.name, leaving.labels),
          emitted,
          firstValue: restore(firstValue),
        });
      }
      return target;
    }
  }
}

function restorePageValue({ value, special }: StoredTarget): SampleValue {
  if (special === undefined) return restore(value!);
  return special === "stale" ? null : parseNativeHistogram(special);
}

function storeSlot(source: Series, slot: CountingSlot, indexOf: ReadonlyMap<Target, number>): StoredSlot {
  const shared = { source: storeSeries(source), type: slot.type, target: indexOf.get(slot.target)! };
  if (slot.kind === "gauge") return { ...shared, value: store(slot.value), atMs: slot.atMs };
  const { offset, last } = slot.accumulator;
  const counted = { ...shared, offset: store(offset), last: store(last) };
  const group = slot.group && { group: slot.group.key };
  if (slot.kind === "counter") return { ...counted, ...group, isCount: slot.isCount };
  return { ...counted, ...group, bound: store(slot.bound) };
}

function restoreSlot(
  stored: StoredSlot,
  session: SessionState,
  targets: readonly Target[],
  table: TargetTable,
): CountingSlot {
  const source = restoreSeries(stored.source);
  const slot = openSlot(stored, session, targets[stored.target]!);
  session.slots.set(table.dictionary.intern(source.name, source.labels), slot);
  return slot;
}

function openSlot(stored: StoredSlot, session: SessionState, target: Target): CountingSlot {
  const { type } = stored;
  if (target.kind === "gauge") {
    return { kind: "gauge", type, target, value: restore(stored.value!), atMs: stored.atMs! };
  }
  const accumulator = { offset: restore(stored.offset!), last: restore(stored.last!) };
  const group = stored.group === undefined ? undefined : groupAt(session, stored.group);
  if (target.kind === "counter") {
    return { kind: "counter", type, target, accumulator, group, isCount: stored.isCount === true };
  }
  if (target.kind !== "bucket" || !group)
    throw new TypeError("totals checkpoint: a slot without its histogram");
  group.target = target;
  const bound = restore(stored.bound!);
  addSourceBucket(target.totals, group.buckets, bound, accumulator);
  return { kind: "bucket", type, target, accumulator, bound, group, place: 0 };
}

function storeSeries(series: Series): StoredSeries {
  return [series.name, ...series.labels.flatMap(({ name, value }) => [name, value])];
}

function restoreSeries([name, ...rest]: StoredSeries): { name: string; labels: Label[] } {
  const labels: Label[] = [];
  for (let i = 0; i + 1 < rest.length; i += 2) labels.push({ name: rest[i]!, value: rest[i + 1]! });
  return { name, labels };
}

function store(value: number): StoredNumber {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

function restore(stored: StoredNumber): number {
  if (typeof stored === "number") return stored;
  if (stored === "NaN") return Number.NaN;
  return stored === "+Inf" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}
