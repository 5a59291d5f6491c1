import { setImmediate } from "node:timers/promises";
import type { Frame, FrameRef } from "@promferry/core/journal";
import { SampleList, type Totals } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import { inBlocks, type StepRun } from "./blocks.ts";
import type { PlannedAction } from "./plan.ts";

/** The longest stretch of time in one window: a receiver without a window for late data takes no more. */
const WINDOW_MS = 3_600_000;
/** Of steps that fill a request each, a window has so many … */
const BLOCK_STEPS = 10;
/** … as far as there is room for them in memory. */
const BLOCKS_SAMPLES = 250_000;

/** The samples of one instant. */
export interface WindowStep {
  readonly atMs: EpochMs;
  /** None for what late frames are owed. */
  readonly refs: readonly FrameRef[];
  /** The day file that its samples count for. */
  readonly file: string;
}

/** Whole instants whose samples are sent together, in one or more requests: each series' in order of time. */
export interface Window {
  readonly steps: readonly WindowStep[];
  /** Block by block, in a block step by step, in a step as the totals gave them. */
  readonly samples: SampleList;
  /** Which step they are of. */
  readonly runs: readonly StepRun<WindowStep>[];
  /** Where each block ends: no request has samples of two. */
  readonly blockEnds: readonly number[];
  /** Samples in a block, where there are several. */
  readonly blockSamples: number | undefined;
  /** Samples that the destination would not take for their age, by file. */
  readonly tooOld: ReadonlyMap<string, number>;
  /** The same for samples too far ahead. */
  readonly tooNew: ReadonlyMap<string, number>;
  /** Frames folded since the window before because they came late. */
  readonly late: readonly FrameRef[];
  /** Frames folded since the window before because the user chose other days. */
  readonly passed: readonly FrameRef[];
  /** For a window without frames: the time of what late frames are owed. */
  readonly settleMs: EpochMs | undefined;
}

/** Which samples a destination takes for their age. */
export interface SampleAges {
  readonly oldestMs: EpochMs;
  readonly newestMs: EpochMs;
  /**
   * Where a series' beginning is older than `oldestMs`: how long before the sample that follows it stands instead, in
   * milliseconds. Undefined: it is too old.
   */
  readonly collapsesBy: number | undefined;
}

export interface WindowOptions {
  readonly actions: readonly PlannedAction[];
  readonly totals: Totals;
  readonly read: (ref: FrameRef) => Promise<Frame>;
  readonly ages: SampleAges;
  /** Samples in one request. */
  readonly maxSamples: number;
  /** Puts all steps into one window, of any size. Default false. */
  readonly whole?: boolean;
  /** The time for what late frames are owed after the last action; absent: they stay owed. */
  readonly settleMs?: (lastStepMs: EpochMs | undefined) => EpochMs | undefined;
}

/** Feeds the totals and cuts what they give into windows. The last window may be without samples. */
export async function* buildWindows(options: WindowOptions): AsyncGenerator<Window, void, undefined> {
  const { actions, totals, read, ages, whole = false } = options;
  const maxSamples = Math.max(1, Math.floor(options.maxSamples));
  let draft = beginDraft(0);
  const room = new SampleList();
  let lastStepMs: EpochMs | undefined;
  let owedFile = "";
  for (const action of actions) {
    if (action.kind === "fold") {
      const { ref, why } = action;
      if (why !== "accepted" && draft.runs.length > 0 && !whole) {
        yield finish(draft, maxSamples);
        draft = beginDraft(draft.samples.length);
      }
      totals.fold(await read(ref), { late: why === "late" });
      if (why !== "accepted") draft[why].push(ref);
      if (why === "late") owedFile = ref.file;
      continue;
    }
    const { atMs, refs } = action;
    let frames: Frame[] = [];
    for (const ref of refs) {
      // Of one step of time there may be any number of instants.
      const before = frames[0]?.header;
      if (before?.origin === "app" && before.writtenMs < ref.header.writtenMs) {
        totals.gather(frames);
        frames = [];
      }
      frames.push(await read(ref));
    }
    // Frames at hand are read without a wait: whoever else has something to do comes in between.
    await setImmediate();
    const samples = totals.step(frames, room);
    lastStepMs = atMs;
    if (draft.runs.length > 0 && !whole && !fits(draft, samples, atMs, maxSamples)) {
      yield finish(draft, maxSamples);
      draft = beginDraft(draft.samples.length);
    }
    addStep(draft, { atMs, refs, file: refs[0]!.file }, samples, ages);
  }
  const settleMs = options.settleMs?.(lastStepMs);
  if (settleMs === undefined) {
    yield finish(draft, maxSamples);
    return;
  }
  if (draft.runs.length > 0) {
    yield finish(draft, maxSamples);
    draft = beginDraft(draft.samples.length);
  }
  addStep(draft, { atMs: settleMs, refs: [], file: owedFile }, totals.settleLate(settleMs), ages);
  yield { ...finish(draft, maxSamples), settleMs };
}

interface Draft {
  readonly runs: StepRun<WindowStep>[];
  readonly samples: SampleList;
  readonly tooOld: Map<string, number>;
  readonly tooNew: Map<string, number>;
  readonly late: FrameRef[];
  readonly passed: FrameRef[];
}

/** @param room How many samples the window before had. */
function beginDraft(room: number): Draft {
  return {
    runs: [],
    samples: new SampleList(room),
    tooOld: new Map(),
    tooNew: new Map(),
    late: [],
    passed: [],
  };
}

function finish({ runs, samples, ...draft }: Draft, maxSamples: number): Window {
  const common = { ...draft, steps: runs.map(({ step }) => step), settleMs: undefined };
  if (runs.length < 2 || samples.length <= maxSamples)
    return { ...common, samples, runs, blockEnds: [samples.length], blockSamples: undefined };
  const { ends: blockEnds, ...blocks } = inBlocks(samples, runs, maxSamples);
  return { ...common, ...blocks, blockEnds, blockSamples: maxSamples };
}

/** Whether the window takes the next step in. */
function fits({ runs, samples }: Draft, added: SampleList, atMs: EpochMs, maxSamples: number): boolean {
  if (atMs - runs[0]!.step.atMs > WINDOW_MS) return false;
  const sampleCount = samples.length + added.length;
  if (sampleCount <= maxSamples) return true;
  if (added.length * 2 <= maxSamples || runs.length >= BLOCK_STEPS || sampleCount > BLOCKS_SAMPLES)
    return false;
  // A later request has samples as old as the first one's: they, too, must not be too old for the receiver by then.
  return atMs - Math.min(oldestOf(samples), oldestOf(added)) <= WINDOW_MS;
}

function oldestOf({ timestampsMs, length }: SampleList): EpochMs {
  let oldestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < length; i++) oldestMs = Math.min(oldestMs, timestampsMs[i]!);
  return oldestMs;
}

function addStep(draft: Draft, step: WindowStep, samples: SampleList, ages: SampleAges): void {
  if (areTimely(samples, ages)) draft.samples.add(samples);
  else addTimely(draft, step.file, samples, ages);
  draft.runs.push({ step, end: draft.samples.length });
}

function areTimely({ timestampsMs, length }: SampleList, { oldestMs, newestMs }: SampleAges): boolean {
  for (let i = 0; i < length; i++)
    if (timestampsMs[i]! < oldestMs || timestampsMs[i]! > newestMs) return false;
  return true;
}

function addTimely(draft: Draft, file: string, samples: SampleList, ages: SampleAges): void {
  const count = (counts: Map<string, number>) => void counts.set(file, (counts.get(file) ?? 0) + 1);
  const { series, families, timestampsMs, values, extras } = samples;
  for (let i = 0; i < samples.length; i++) {
    let timestampMs = timestampsMs[i]!;
    const isBeginning = values[i] === 0 && i + 1 < samples.length && series[i + 1] === series[i];
    if (ages.collapsesBy !== undefined && isBeginning && timestampMs < ages.oldestMs)
      timestampMs = timestampsMs[i + 1]! - ages.collapsesBy;
    if (timestampMs < ages.oldestMs) count(draft.tooOld);
    else if (timestampMs > ages.newestMs) count(draft.tooNew);
    else {
      const { exemplars, startMs } = extras.get(i) ?? {};
      draft.samples.push(series[i]!, families[i]!, timestampMs, samples.valueAt(i), exemplars, startMs);
    }
  }
}
