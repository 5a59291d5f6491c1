import type { EpochMs } from "@promferry/core/series";
import { runOf, type WindowRequest } from "./requests.ts";

/** Of samples refused in a row so many are found out one by one for each that is given up together with others. */
const ROW_PER_SAMPLE = 64;
/** Half a block of Prometheus' store: where its bound for samples of every series begins. */
const OLD_MS = 3_600_000;

/**
 * How finely a refused request is taken apart: down to the sample, as a rule. A receiver that takes nothing of some age
 * refuses every sample of it, though, and would be asked twice for each. So the longer the row of refused samples is, with
 * none taken in between, the more of the next ones are given up together: a 64th of the row. They are of one instant,
 * and more than an hour old; what is younger may be too old for one series and not for another.
 */
export interface Narrowing {
  /** Whether a refused request of several samples is given up as it is, and not halved. */
  isNarrow(request: WindowRequest, nowMs: EpochMs): boolean;
  /** So many samples were given up because the receiver refused them. */
  refused(samples: number): void;
  /** The receiver took samples. */
  taken(): void;
}

export function createNarrowing(): Narrowing {
  let row = 0;
  return {
    isNarrow({ window, from, to }, nowMs) {
      if ((to - from) * ROW_PER_SAMPLE > row || to > runOf(window, from).end) return false;
      const { timestampsMs } = window.samples;
      for (let i = from; i < to; i++) if (timestampsMs[i]! > nowMs - OLD_MS) return false;
      return true;
    },
    refused(samples) {
      row += samples;
    },
    taken() {
      row = 0;
    },
  };
}
