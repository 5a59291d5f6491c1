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
  const { rows, counts: rowCounts } = rowsOf(samples);
  const blockOf = blocksOf(rowCounts, blockSamples);
  // Of each sample its block and, in that, its run.
  const places = new Uint32Array(samples.length);
  const counts: number[] = new Array((blockOf.at(-1)! + 1) * runs.length).fill(0);
  for (let index = 0, run = 0; index < samples.length; index++) {
    while (index >= runs[run]!.end) run++;
    const place = blockOf[rows[index]!]! * runs.length + run;
    places[index] = place;
    counts[place]!++;
  }

  const next: number[] = [];
  const ordered: StepRun<Step>[] = [];
  const ends: number[] = [];
  let end = 0;
  for (let place = 0; place < counts.length; place++) {
    next[place] = end;
    if (counts[place] === 0) continue;
    end += counts[place]!;
    ordered.push({ step: runs[place % runs.length]!.step, end });
    ends[Math.floor(place / runs.length)] = end;
  }

  const order = new Uint32Array(samples.length);
  for (let index = 0; index < order.length; index++) order[next[places[index]!]!++] = index;
  const inOrder = new SampleList(samples.length);
  for (let i = 0; i < order.length; i++) inOrder.addOne(samples, order[i]!);
  return { samples: inOrder, runs: ordered, ends };
}

/** The series in the order of first appearance: by sample which one it is of, and of each how many there are. */
function rowsOf({ series, length }: SampleList): { readonly rows: Uint32Array; readonly counts: number[] } {
  const rowOf = new Map<Series, number>();
  const inOrder: Series[] = [];
  const counts: number[] = [];
  const rows = new Uint32Array(length);
  let row = -1;
  for (let i = 0; i < length; i++) {
    const each = series[i]!;
    // Mostly they follow each other as in the step before.
    row = inOrder[row + 1] === each ? row + 1 : (rowOf.get(each) ?? inOrder.length);
    if (row === inOrder.length) {
      rowOf.set(each, row);
      inOrder.push(each);
      counts.push(0);
    }
    rows[i] = row;
    counts[row]!++;
  }
  return { rows, counts };
}

/** By series: which block it is in. */
function blocksOf(counts: readonly number[], blockSamples: number): number[] {
  let block = 0;
  let size = 0;
  return counts.map((count) => {
    if (size > 0 && size + count > blockSamples) {
      block++;
      size = 0;
    }
    size += count;
    return block;
  });
}
