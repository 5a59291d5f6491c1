/**
 * Totals over sessions.
 *
 * A program's counters start from zero in every run, and runs overlap. A destination sees one
 * series for each label set:
 *
 *     total(series, t) = base + sum over sessions of their reset-aware growth up to t
 *
 * Frames go in by time; samples come out. The result depends on the frames alone, not on how they
 * were cut into uploads.
 */

import type { Frame, FrameHeader } from "../journal/frame.ts";
import { isHistogram, valueAt } from "../series/sample-value.ts";
import type { EpochMs, FamilyMetadata, MetricFamily, Series } from "../series/series.ts";
import { beginAccumulator } from "./accumulator.ts";
import { addSourceBucket, advanceBucket, joinSource } from "./bucket-totals.ts";
import { readCheckpoint, type TotalsCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { type Coarseness, leavingTime } from "./coarseness.ts";
import { createLeavingFamilies } from "./leaving-families.ts";
import { passOn, pushPage } from "./page-samples.ts";
import type { Projected, Projection } from "./projection.ts";
import { SampleList } from "./sample-list.ts";
import { boundOf, shapeOf } from "./series-shape.ts";
import {
  closeSlot,
  familyOf,
  forgetCounts,
  forgetSeries,
  groupOf,
  type SessionState,
  type Slot,
} from "./session-state.ts";
import { SessionTable } from "./session-table.ts";
import { Showing } from "./showing.ts";
import { createStepJoin, type StepJoin } from "./step-join.ts";
import { createTargetTable, leavingAs, openBound, type TargetTable } from "./target-table.ts";
import {
  advanceCounter,
  joinCounter,
  joinGauge,
  markSettled,
  resetTotals,
  showGauge,
  type Target,
} from "./targets.ts";
import { agreesOnType, type TypeClaim } from "./type-claim.ts";
import { type VersionState, VersionTable } from "./version-table.ts";
import { createWithholding, type Withheld } from "./withholding.ts";

export interface TotalsOptions {
  readonly project: Projection;
  /** State to go on from. Frames that it covers are ignored when they come again. */
  readonly checkpoint?: TotalsCheckpoint;
}

/**
 * The state of the totals for one destination.
 *
 * Of one session, frames must come in the order of their `seq`; one that comes too late is ignored,
 * since its successor already held what it counted. Those of `kind=changes` come as `Journal.read` gives
 * them, with what they do not list carried forward.
 *
 * A series counts from zero where a frame of its session came before that did not have it; the first
 * values of a session without its start frame are a baseline. A counter that is no finite number is
 * withheld as `not_a_number`, and of a program's own frames a native histogram as `native_histogram`, a stale
 * marker as `stale_marker`: totals of those are not formed. Exemplars are passed on from scraped pages
 * only, each once.
 *
 * State grows with the number of series, and with the sessions of the last 30 days by a line each. What a
 * session counted is let go of two intervals after its exit frame, or after seven silent days.
 */
export interface Totals {
  /**
   * Takes one frame of `origin=app` into the state without a sample of its own, or one frame of
   * `origin=scrape` that the destination has had.
   *
   * With `late: false` the destination has had its samples. With `late: true` it has not, and has
   * newer ones: the growth shows in the series' next sample, or through {@link settleLate}. A late
   * frame of `origin=scrape` is not folded but given to {@link step}: nothing else will show it.
   */
  fold(frame: Frame, options: { readonly late: boolean }): void;
  /**
   * Takes the frames of one instant, all of equal `writtenMs`, and gives their samples, in order of
   * first appearance. Frames of `origin=app` must be later than every frame given before.
   *
   * Where the projection has a `timeStepMs`, takes the last instant of a step and gives samples at the step's end; its
   * earlier instants go to {@link gather}. Pages that are written at just that end come with it.
   *
   * A counter's series that is new to the destination is preceded by a 0 at its session's previous
   * frame, at least 1 ms earlier, so that `increase` sees its first events.
   *
   * @param room Samples of an earlier step that are no longer needed: the result may stand in their place. Default: in none.
   */
  step(frames: readonly Frame[], room?: SampleList): SampleList;
  /**
   * Takes the frames of one instant, of `origin=app` and all of equal `writtenMs`, that is not the last one of its step:
   * those that follow up to {@link step} have the same `leavingTime`.
   *
   * @throws {RangeError} The projection has no `timeStepMs`.
   */
  gather(frames: readonly Frame[]): void;
  /** What late frames added to series that no later step carried, as samples at `atMs`. */
  settleLate(atMs: EpochMs): SampleList;
  /** The state after the newest frame: every counter's total, and the gauges of sessions that run. */
  latest(): SampleList;
  /** What stayed behind so far, by reason. */
  withheld(): readonly Withheld[];
  /**
   * Begins anew where the state before the frames given so far is lost: counters and histograms stand at 0,
   * and their next samples are preceded by a 0 that is later than `afterMs`, an ordinary reset to whoever
   * knows them. Sessions count on from their last frames, so nothing is counted twice.
   *
   * @param afterMs The newest time that the destination has.
   */
  restart(afterMs: EpochMs): void;
  /**
   * All state, to be stored as JSON.
   *
   * @param options With `passesOn`, without what only {@link latest} needs of scraped pages: their series stand in it
   * only where their last sample had a time of its own, which the next frame may repeat.
   */
  checkpoint(options?: { readonly passesOn?: boolean }): TotalsCheckpoint;
}

/** Creates the totals of one destination, empty or from a checkpoint. */
export function createTotals(options: TotalsOptions): Totals {
  return new TotalsState(options);
}

const HOUR_MS = 3_600_000;

class TotalsState implements Totals {
  readonly #project: Projection;
  readonly #coarseness: Coarseness | undefined;
  readonly #table: TargetTable;
  readonly #sessions: SessionTable;
  readonly #types: Map<string, TypeClaim>;
  readonly #versions: VersionTable;
  readonly #withholding = createWithholding();
  readonly #showing: Showing;
  readonly #leavingFamilyOf = createLeavingFamilies();
  #newestMs: EpochMs;
  #step = 0;
  /** Number of the frame at hand. */
  #frame = 0;
  /** What this step has touched, in order; each says itself since when. */
  #touched: Target[] = [];
  /** Of a step that is not at its end. */
  #join: StepJoin | undefined;
  #gatheredMs: EpochMs = Number.NEGATIVE_INFINITY;
  constructor(options: TotalsOptions) {
    const table = createTargetTable();
    const state = readCheckpoint(options.checkpoint, table);
    this.#project = options.project;
    this.#coarseness = options.project.coarseness;
    this.#table = table;
    this.#sessions = new SessionTable(state.sessions, state.running);
    this.#types = state.types;
    this.#versions = new VersionTable(state.versions, state.running);
    this.#showing = new Showing(options.project, table, this.#withholding, state.restartedMs);
    this.#newestMs = state.newestMs;
    for (const session of this.#sessions.byId.values()) this.#bindGauges(session);
  }

  fold(frame: Frame, { late }: { readonly late: boolean }): void {
    this.#begin(frame.header);
    if (frame.header.origin === "scrape") {
      this.#passThrough(frame, undefined);
      return;
    }
    this.#absorb(frame, false);
    for (const target of this.#touched) {
      if (late) this.#showing.owe(target, target.touchedSinceMs ?? frame.header.writtenMs);
      else this.#showing.settle(target);
    }
    if (!late) this.#versions.fold(frame.header);
  }

  step(frames: readonly Frame[], room: SampleList = new SampleList()): SampleList {
    const stepMs = this.#coarseness?.timeStepMs;
    if (stepMs === undefined) return this.#stepAt(frames, room);
    const apps = frames.filter(({ header }) => header.origin === "app");
    // Their own time is the end of the step.
    const pages = frames.filter(({ header }) => header.origin === "scrape");
    if (apps.length > 0) this.gather(apps);
    const join = this.#join ?? createStepJoin(stepMs);
    this.#join = undefined;
    const samples = join.end(this.#leavingTime(this.#gatheredMs), this.#showing.restartedMs);
    for (const { series, family, timestampMs, value, exemplars, startMs } of this.#stepAt(pages))
      samples.push(series, family, timestampMs, value, exemplars, startMs);
    return samples;
  }

  gather(frames: readonly Frame[]): void {
    const stepMs = this.#coarseness?.timeStepMs;
    const atMs = frames[0]?.header.writtenMs;
    if (stepMs === undefined || atMs === undefined)
      throw new RangeError("frames are gathered only where the projection has a timeStepMs");
    this.#join ??= createStepJoin(stepMs);
    this.#join.add(atMs, this.#stepAt(frames));
    this.#gatheredMs = atMs;
  }

  #stepAt(frames: readonly Frame[], samples: SampleList = new SampleList()): SampleList {
    samples.clear();
    const first = frames[0]?.header;
    if (first === undefined) return samples;
    const atMs = first.writtenMs;
    this.#begin(first);
    const inOrder = [...frames].sort((a, b) => (a.header.session < b.header.session ? -1 : 1));
    for (const frame of inOrder) {
      if (frame.header.writtenMs !== atMs)
        throw new RangeError("the frames of a step must be of one instant");
      if (frame.header.origin === "scrape") this.#passThrough(frame, samples);
      else this.#absorb(frame, true);
    }
    for (const target of this.#touched) this.#showing.show(target, atMs, target.touchedSinceMs, samples);
    for (const frame of inOrder) this.#versions.end(frame.header, samples);
    return samples;
  }

  settleLate(atMs: EpochMs): SampleList {
    const samples = new SampleList();
    for (const target of this.#table.targets) {
      const sinceMs = target.owedSinceMs;
      if (sinceMs === undefined) continue;
      // A gauge's late value has been overtaken: it is owed nothing.
      if (target.kind === "gauge") target.owedSinceMs = undefined;
      else this.#showing.show(target, atMs, sinceMs, samples);
    }
    const stepMs = this.#coarseness?.timeStepMs;
    if (stepMs === undefined) return samples;
    const join = createStepJoin(stepMs);
    join.add(atMs, samples);
    return join.end(atMs, this.#showing.restartedMs);
  }

  latest(): SampleList {
    const isStepped = this.#coarseness?.timeStepMs !== undefined;
    const appMs = isStepped ? this.#sessions.newestOfApps() : this.#newestMs;
    this.#sessions.endSilent(this.#newestMs, isStepped ? "scrape" : undefined);
    if (isStepped) this.#sessions.endSilent(appMs, "app");
    const samples = new SampleList();
    for (const target of this.#table.targets) {
      if (target.stale) continue;
      if (target.kind === "page") pushPage(target, this.#newestMs, samples);
      else this.#showing.value(target, this.#leavingTime(appMs), samples);
    }
    return samples;
  }

  withheld(): readonly Withheld[] {
    return this.#withholding.list();
  }

  restart(afterMs: EpochMs): void {
    this.#versions.endFolded();
    this.#showing.restartedMs = afterMs;
    for (const target of this.#table.targets) resetTotals(target);
  }

  checkpoint({ passesOn = false }: { readonly passesOn?: boolean } = {}): TotalsCheckpoint {
    this.#versions.endFolded();
    return writeCheckpoint({
      newestMs: this.#newestMs,
      restartedMs: this.#showing.restartedMs,
      targets: this.#table.targets,
      sessions: this.#sessions.byId,
      running: this.#sessions.running,
      types: this.#types,
      versions: this.#versions.byName,
      passesOn,
    });
  }

  #leavingTime(atMs: EpochMs): EpochMs {
    return leavingTime({ origin: "app", writtenMs: atMs }, this.#coarseness);
  }

  #begin({ writtenMs: atMs, origin }: FrameHeader): void {
    this.#step++;
    this.#touched = [];
    this.#versions.begin(atMs);
    const isStepped = this.#coarseness?.timeStepMs !== undefined;
    // Where a program's frames wait for the end of their step, pages are ahead of them.
    if (isStepped) this.#sessions.endSilent(atMs, origin);
    if (atMs <= this.#newestMs) return;
    const periodMs = this.#project.periodOf?.(atMs);
    const isNewPeriod = periodMs !== undefined && this.#newestMs < periodMs && this.#newestMs > 0;
    const isNewHour = Math.floor(atMs / HOUR_MS) > Math.floor(this.#newestMs / HOUR_MS);
    this.#newestMs = atMs;
    if (!isStepped) this.#sessions.endSilent(atMs);
    if (isNewHour) this.#sessions.forget(atMs);
    if (isNewPeriod) this.#renew(periodMs);
  }

  /** Lets go of all that programs' totals were, and decides their series anew; running sessions count on from their last values. */
  #renew(periodMs: EpochMs): void {
    this.#showing.restartedMs = Math.max(this.#showing.restartedMs, periodMs - 1);
    this.#table.forgetPrograms();
    this.#versions.forgetPrograms();
    for (const session of this.#sessions.byId.values()) {
      if (session.origin === "scrape") continue;
      if (!this.#sessions.running.has(session)) {
        forgetSeries(session);
        continue;
      }
      const before = [...session.slots.values()];
      forgetCounts(session);
      for (const { source, slot } of before) {
        if (slot.kind === "page" || slot.kind === "withheld") continue;
        const last = slot.kind === "gauge" ? slot.value : slot.accumulator.last;
        const opened = this.#open(source, last, familyOf(source, slot), session, false);
        if (opened.kind === "gauge" && slot.kind === "gauge") opened.atMs = slot.atMs;
        session.slots.set(source, opened);
      }
    }
  }

  /** Takes in a program's frame; `counts` says whether what stays behind is counted. */
  #absorb(frame: Frame, counts: boolean): void {
    const { header } = frame;
    const known = this.#sessions.byId.get(header.session);
    // Its successor came first and held all that this one counted.
    if (known && header.seq <= known.lastSeq) return;
    if (known && this.#project.isCutBetween?.(known.lastMs, header.writtenMs)) {
      this.#sessions.end(known);
      forgetSeries(known);
    }
    this.#frame++;
    const session = this.#sessions.enter(frame);
    const version = this.#versions.of(session);
    version.told = false;
    for (const family of frame.families) {
      if (agreesOnType(this.#types, family, session)) this.#absorbFamily(family, session, version, counts);
      else if (counts) for (const series of family.series) this.#withholding.add("type_conflict", series);
    }
    // A start frame says it, and so does one that is whole of all that it doesn't have.
    if (!frame.partial) session.fromZero = true;
  }

  #absorbFamily(family: MetricFamily, session: SessionState, version: VersionState, counts: boolean): void {
    const isGrouped = family.type === "histogram" || family.type === "summary";
    if (isGrouped) this.#markResets(family, session);
    for (let i = 0; i < family.series.length; i++) {
      const source = family.series[i]!;
      const value = valueAt(family, i);
      if (typeof value !== "number") {
        if (counts) this.#withholding.add(isHistogram(value) ? "native_histogram" : "stale_marker", source);
        continue;
      }
      // Such a value would stay in every later total.
      if (!Number.isFinite(value) && shapeOf(source, family) !== "gauge") {
        if (counts) this.#withholding.add("not_a_number", source);
        continue;
      }
      let slot = session.slots.find(source);
      if (slot === undefined || slot.type !== family.type) {
        if (slot) closeSlot(slot, session);
        slot = this.#open(source, value, family, session);
        session.slots.set(source, slot);
        if (slot.kind !== "withheld") this.#succeed(slot);
      } else if (slot.kind === "counter" || slot.kind === "bucket") {
        const { accumulator } = slot;
        const { group } = slot;
        const reset = group?.toldIn === this.#frame ? group.reset : value < accumulator.last;
        if (slot.kind === "counter") advanceCounter(slot.target, accumulator, value, reset);
        else advanceBucket(slot.target.totals, slot.group.buckets, slot, value, reset);
      }
      if (slot.kind === "gauge") showGauge(session, slot, value);
      if (slot.kind !== "withheld") this.#touch(slot.target, session, version);
      else if (counts) this.#withholding.add(slot.reason, source);
    }
  }

  /** Notes for each group of the family whether this frame shows a reset, before any of its series moves on. */
  #markResets(family: MetricFamily, session: SessionState): void {
    for (let i = 0; i < family.series.length; i++) {
      const slot = session.slots.find(family.series[i]!);
      if (slot?.kind !== "counter" || !slot.isCount || !slot.group) continue;
      slot.group.reset = family.values[i]! < slot.accumulator.last;
      slot.group.toldIn = this.#frame;
    }
  }

  /** @param fromZero Whether the series is known to have begun at 0; else `value` is a baseline. */
  #open(
    source: Series,
    value: number,
    family: FamilyMetadata,
    session: SessionState,
    fromZero: boolean = session.fromZero,
  ): Slot {
    const { type } = family;
    const projected = this.#leave(source, family, session);
    if ("withheld" in projected) return { kind: "withheld", type, reason: projected.withheld };
    const leaving = leavingAs(projected, source);
    const outFamily = this.#leavingFamilyOf(family, source.name, projected);
    if (session.origin === "scrape")
      return { kind: "page", type, target: this.#table.page(leaving, outFamily) };

    const shape = shapeOf(source, family);
    if (shape === "gauge") {
      const target = this.#table.gauge(leaving, outFamily, session.info.gauges?.[family.name] ?? {});
      target.bounds = projected.bounds;
      const slot = { kind: "gauge" as const, type, target, value, atMs: session.lastMs };
      joinGauge(session, slot);
      return slot;
    }
    const accumulator = beginAccumulator(value, fromZero);
    const group = type === "counter" ? undefined : groupOf(source, family, session);
    const bound = shape === "bucket" ? boundOf(leaving.labels) : undefined;
    if (group && bound !== undefined) {
      const target = this.#table.buckets(leaving, outFamily);
      group.target = target;
      joinSource(target.totals, group.buckets);
      openBound(this.#table, target, bound, leaving, group.buckets);
      addSourceBucket(target.totals, group.buckets, bound, accumulator);
      return { kind: "bucket", type, target, accumulator, bound, group, place: 0 };
    }
    const target = this.#table.counter(leaving, outFamily);
    joinCounter(target, accumulator);
    return { kind: "counter", type, target, accumulator, group, isCount: shape === "count" };
  }

  /** Bounds are no state: those of now hold for a gauge that a checkpoint brought along. */
  #bindGauges(session: SessionState): void {
    for (const { source, slot } of session.slots.values()) {
      if (slot.kind !== "gauge") continue;
      const leaving = this.#leave(source, familyOf(source, slot), session);
      if ("bounds" in leaving) slot.target.bounds = leaving.bounds;
    }
  }

  #leave(source: Series, family: FamilyMetadata, { origin, info }: SessionState): Projected {
    const periodMs = this.#project.periodOf?.(this.#newestMs);
    const period = periodMs === undefined ? {} : { periodMs };
    return this.#project(source, { family, origin, session: info, ...period });
  }

  #touch(target: Target, session: SessionState, version: VersionState): void {
    if (this.#isTouched(target)) {
      target.touchedSinceMs ??= session.previousMs;
      return;
    }
    target.touchedIn = this.#step;
    target.touchedSinceMs = session.previousMs;
    this.#touched.push(target);
    if (target.fedBy === version) return;
    target.fedBy = version;
    version.targets.add(target);
  }

  #isTouched(target: Target): boolean {
    return target.touchedIn === this.#step;
  }

  /** Where the target's series were shown under another type: the destination sees no end of them, and no new ones. */
  #succeed(slot: Exclude<Slot, { kind: "withheld" }>): void {
    const { target } = slot;
    for (const former of this.#table.rivals(target, slot.kind === "bucket" ? slot.bound : undefined)) {
      if (former.emitted || this.#isTouched(former)) markSettled(target);
      if (this.#isTouched(former)) this.#touched.splice(this.#touched.indexOf(former), 1);
      former.touchedIn = 0;
      markSettled(former);
      former.stale = true;
    }
  }

  #passThrough(frame: Frame, out: SampleList | undefined): void {
    const known = this.#sessions.byId.get(frame.header.session);
    const isOvertaken = known !== undefined && frame.header.seq < known.lastSeq;
    const session = isOvertaken ? known : this.#sessions.enter(frame);
    const { writtenMs } = frame.header;
    const shown = { session, atMs: writtenMs };
    for (const family of frame.families) {
      for (let i = 0; i < family.series.length; i++) {
        const source = family.series[i]!;
        let slot = session.slots.find(source);
        if (slot === undefined || slot.type !== family.type) {
          slot = this.#open(source, 0, family, session);
          session.slots.set(source, slot);
          if (slot.kind === "page") this.#succeed(slot);
        }
        if (slot.kind === "withheld") {
          if (out) this.#withholding.add(slot.reason, source);
          continue;
        }
        if (slot.kind !== "page") continue;
        const { target } = slot;
        if (!isOvertaken) target.shown = shown;
        if (!passOn(target, family, i, writtenMs, out) && out) this.#withholding.add("not_newer", source);
      }
    }
  }
}
