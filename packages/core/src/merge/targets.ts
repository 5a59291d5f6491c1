/**
 * Series as they leave. Each merges what all sessions, and all their series that project onto it,
 * have to say.
 */

import type { GaugeMerge } from "../journal/frame.ts";
import type { EpochMs, Exemplar, FamilyMetadata, SampleValue, Series } from "../series/series.ts";
import type { ValueBounds } from "../series/value-bounds.ts";
import { type Accumulator, advance, growth, takeGrowth } from "./accumulator.ts";
import { type BucketTotals, resetBuckets } from "./bucket-totals.ts";
import { combineGauge, type GaugeReading } from "./gauges.ts";
import type { GaugeSlot, SessionState } from "./session-state.ts";

interface Outlet {
  readonly family: FamilyMetadata;
  /** Whether the destination has had a sample of it. */
  emitted: boolean;
  /** Whether the last sample was a stale marker, or the series go on under another type. */
  stale: boolean;
  /** While a late frame's growth waits for the next sample: the time before that growth. */
  owedSinceMs: EpochMs | undefined;
  /** Whether it has stayed behind, below the minimum, until now. */
  isBelow: boolean;
  /** Number of the step that touched it last. */
  touchedIn: number;
  /** The frame before that step, of a session that touched it. */
  touchedSinceMs: EpochMs | undefined;
  /** The version that was last noted to feed it; only told from others. */
  fedBy: object | undefined;
}

/** A counter, a `_sum` or a `_count`. */
export interface CounterTarget extends Outlet {
  readonly kind: "counter";
  readonly series: Series;
  /** Growth of sessions that have ended. */
  endedGrowth: number;
  readonly live: Set<Accumulator>;
  /** Growth of `live`, where every one is a whole number, so that no order of adding matters; else NaN. */
  liveGrowth: number;
}

/** One bound of a histogram. */
export interface BucketOutlet {
  readonly series: Series;
  emitted: boolean;
  /** Its total when the bound was first seen: what precedes its first sample. */
  readonly firstValue: number;
}

/** All buckets of one histogram. */
export interface BucketTarget extends Outlet {
  readonly kind: "bucket";
  readonly totals: BucketTotals;
  /** One for each of `totals.bounds`. */
  readonly outlets: BucketOutlet[];
}

/** A gauge, or any other series of which only the latest value counts. */
export interface GaugeTarget extends Outlet {
  readonly kind: "gauge";
  readonly series: Series;
  /** Of the session that came to it last. */
  merge: GaugeMerge;
  /** Of the series that came to it last. */
  bounds: ValueBounds | undefined;
  readonly live: Map<SessionState, GaugeSlot[]>;
  /** The latest instant at which it was shown, and by whom. */
  newestMs: EpochMs;
  newest: { readonly session: SessionState; readonly slot: GaugeSlot }[];
}

/** A series of a scraped page: passed through as it came. */
export interface PageTarget extends Outlet {
  readonly kind: "page";
  readonly series: Series;
  /** Of its newest sample. */
  newestMs: EpochMs;
  value: SampleValue;
  /** The newest that was passed on, with its time. */
  lastExemplar: Exemplar | undefined;
  /** By which session it was shown last, and when; one object for all that a frame shows. */
  shown: Shown | undefined;
}

export interface Shown {
  readonly session: SessionState | undefined;
  readonly atMs: EpochMs;
}

export type Target = CounterTarget | BucketTarget | GaugeTarget | PageTarget;

export function counterTotal(target: CounterTarget): number {
  const { endedGrowth, liveGrowth } = target;
  // Thousands of sessions may run at once, and each of their frames asks.
  if (!Number.isNaN(liveGrowth) && Number.isSafeInteger(endedGrowth)) return endedGrowth + liveGrowth;
  let total = endedGrowth;
  for (const accumulator of target.live) total += growth(accumulator);
  return total;
}

/** Lets a session's counter feed the target. */
export function joinCounter(target: CounterTarget, accumulator: Accumulator): void {
  if (target.live.has(accumulator)) return;
  if (target.live.size === 0) target.liveGrowth = 0;
  target.live.add(accumulator);
  grow(target, growth(accumulator));
}

/** Takes the next value of one that feeds it. */
export function advanceCounter(
  target: CounterTarget,
  accumulator: Accumulator,
  value: number,
  reset: boolean,
): void {
  const before = growth(accumulator);
  advance(accumulator, value, reset);
  grow(target, growth(accumulator) - before);
}

/** Moves a session's growth to the ended ones. */
export function endCounter(target: CounterTarget, accumulator: Accumulator): void {
  if (!target.live.delete(accumulator)) return;
  const taken = takeGrowth(accumulator);
  target.endedGrowth += taken;
  grow(target, -taken);
}

function grow(target: CounterTarget, by: number): void {
  const sum = target.liveGrowth + by;
  target.liveGrowth = Number.isSafeInteger(by) && Number.isSafeInteger(sum) ? sum : Number.NaN;
}

export function joinGauge(session: SessionState, slot: GaugeSlot): void {
  const slots = slot.target.live.get(session);
  if (slots) slots.push(slot);
  else slot.target.live.set(session, [slot]);
}

/** Takes the value that a session shows. */
export function showGauge(session: SessionState, slot: GaugeSlot, value: number): void {
  const { target } = slot;
  slot.value = value;
  slot.atMs = session.lastMs;
  if (slot.atMs > target.newestMs) {
    target.newestMs = slot.atMs;
    if (target.newest.length === 1 && target.newest[0]!.slot === slot) return;
    target.newest = [];
  }
  if (slot.atMs === target.newestMs && !target.newest.some((each) => each.slot === slot))
    target.newest.push({ session, slot });
}

export function leaveGauge(session: SessionState, slot: GaugeSlot): void {
  const rest = slot.target.live.get(session)?.filter((each) => each !== slot) ?? [];
  if (rest.length > 0) slot.target.live.set(session, rest);
  else slot.target.live.delete(session);
}

/**
 * The gauge's value over the sessions that run.
 *
 * @returns `undefined` when it has none; `"ambiguous"` when several series of one session fall
 *   together and no rule says how they combine.
 */
export function gaugeTotal(target: GaugeTarget): number | undefined | "ambiguous" {
  if (target.live.size === 1) {
    const alone = onlyReading(target);
    if (alone) return alone.value;
  }
  const readings: GaugeReading[] = [];
  const rule = target.merge.sessions ?? "latest";
  for (const [session, slots] of rule === "latest" ? latestOf(target) : target.live) {
    // A series that is missing from its session's last frame is gone.
    const shown = slots.filter((slot) => slot.atMs === session.lastMs).map((slot) => reading(session, slot));
    if (shown.length > 1 && target.merge.labels === undefined) return "ambiguous";
    const value = combineGauge(shown, target.merge.labels ?? "latest");
    if (value !== undefined) readings.push({ ...shown[0]!, value });
  }
  return combineGauge(readings, rule);
}

/** Of the sessions that run, those that can hold the latest value: all, where none showed it last. */
function latestOf(target: GaugeTarget): ReadonlyMap<SessionState, readonly GaugeSlot[]> {
  const latest = new Map<SessionState, GaugeSlot[]>();
  for (const { session, slot } of target.newest) {
    const isShown = slot.atMs === session.lastMs && slot.atMs === target.newestMs;
    if (!isShown || !target.live.get(session)?.includes(slot)) continue;
    const slots = latest.get(session);
    if (slots) slots.push(slot);
    else latest.set(session, [slot]);
  }
  return latest.size > 0 ? latest : target.live;
}

/** The short way to the value of one series of one session, of which the latest counts. */
function onlyReading({ live, merge }: GaugeTarget): { readonly value: number | undefined } | undefined {
  const { labels = "latest", sessions = "latest" } = merge;
  if (labels !== "latest" || sessions !== "latest") return undefined;
  for (const [session, slots] of live) {
    const [slot] = slots;
    if (slots.length === 1 && slot) return slot.atMs === session.lastMs ? slot : { value: undefined };
  }
  return undefined;
}

/** Whether a session that runs feeds the target. */
export function isLive(target: Target): boolean {
  if (target.kind === "page") return true;
  return target.kind === "bucket" ? target.totals.live.size > 0 : target.live.size > 0;
}

/** Lets counters and histograms stand at 0, unseen; sessions count on from where they are. */
export function resetTotals(target: Target): void {
  if (target.kind === "counter") {
    for (const accumulator of target.live) takeGrowth(accumulator);
    target.endedGrowth = 0;
    target.liveGrowth = 0;
  } else if (target.kind === "bucket") {
    resetBuckets(target.totals);
    for (const [i, { series }] of target.outlets.entries()) {
      target.outlets[i] = { series, emitted: false, firstValue: 0 };
    }
  } else return;
  target.emitted = false;
  target.isBelow = false;
  target.owedSinceMs = undefined;
}

/** The destination has had all that the target has to say. */
export function markSettled(target: Target): void {
  markShown(target);
  target.stale = false;
  target.owedSinceMs = undefined;
}

/** The destination knows it, and is not told its beginning any more. */
export function markShown(target: Target): void {
  target.emitted = true;
  target.isBelow = false;
  if (target.kind === "bucket") for (const outlet of target.outlets) outlet.emitted = true;
}

/** It stays behind, below the minimum, and is owed nothing for what it has counted so far. */
export function passOver(target: Target): void {
  target.isBelow = true;
  target.owedSinceMs = undefined;
}

function reading(session: SessionState, slot: GaugeSlot): GaugeReading {
  return { value: slot.value, atMs: slot.atMs, startedMs: session.info.startedMs, session: session.id };
}
