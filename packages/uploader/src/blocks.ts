import { SampleList } from "@promferry/core/merge";
import type { Series } from "@promferry/core/series";

/** Samples of one step that stand together. */
export interface StepRun<Step> {
  readonly step: Step;
  /** Where they end, and the next run begins. */
  readonly end: number;
}

/** Samples in blocks, each of some series: inside a block step by step. */
export interface Blocks<Step> {
  readonly samples: SampleList;
  readonly runs: readonly StepRun<Step>[];
  /** Where each block ends, and the next one begins. */
  readonly ends: readonly number[];
}

/**
 * Puts samples that stand step by step into blocks of at most so many, by series in the order of first appearance. A request
 * of a block then has all steps of few series, and not one step of many: their names are most of its bytes.
 *
 * @param blockSamples A series with more is a block by itself.
 */
export function inBlocks<Step>(
  samples: SampleList,
  runs: readonly StepRun<Step>[],
  blockSamples: number,
): Blocks<Step> {
  const blockOf = blocksOf(samples, blockSamples);
  // Of each sample its block and, in that, its run.
  const places = new Uint32Array(samples.length);
  const counts: number[] = [];
  for (let index = 0, run = 0; index < samples.length; index++) {
    while (index >= runs[run]!.end) run++;
    const place = blockOf.get(samples.series[index]!)! * runs.length + run;
    places[index] = place;
    counts[place] = (counts[place] ?? 0) + 1;
  }

  const next: number[] = [];
  const ordered: StepRun<Step>[] = [];
  const ends: number[] = [];
  let end = 0;
  for (let place = 0; place < counts.length; place++) {
    const count = counts[place];
    next[place] = end;
    if (count === undefined) continue;
    end += count;
    ordered.push({ step: runs[place % runs.length]!.step, end });
    ends[Math.floor(place / runs.length)] = end;
  }

  const order = new Uint32Array(samples.length);
  for (let index = 0; index < order.length; index++) order[next[places[index]!]!++] = index;
  const inOrder = new SampleList(samples.length);
  for (const index of order) {
    const { exemplars, startMs } = samples.extras.get(index) ?? {};
    const [series, family] = [samples.series[index]!, samples.families[index]!];
    const value = samples.valueAt(index);
    inOrder.push(series, family, samples.timestampsMs[index]!, value, exemplars, startMs);
  }
  return { samples: inOrder, runs: ordered, ends };
}

/** By series: which block it is in. */
function blocksOf({ series, length }: SampleList, blockSamples: number): Map<Series, number> {
  const counts = new Map<Series, number>();
  for (let i = 0; i < length; i++) counts.set(series[i]!, (counts.get(series[i]!) ?? 0) + 1);
  let block = 0;
  let size = 0;
  for (const [each, count] of counts) {
    if (size > 0 && size + count > blockSamples) {
      block++;
      size = 0;
    }
    size += count;
    counts.set(each, block);
  }
  return counts;
}
