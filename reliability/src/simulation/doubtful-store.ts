import { Breach } from "../fault.ts";
import type { ReceivedSample } from "./decode-body.ts";

/** What a receiver has stored, by sample, and what it was sent although it had said yes to it. */
export interface DoubtfulStore {
  readonly samples: ReadonlyMap<string, number>;
  /** Samples that came again after an answer that was lost. */
  readonly copies: number;
  /** Looks at a request when it has come: what follows a lost answer has to be the same request. */
  arrive(samples: readonly ReceivedSample[]): void;
  take(samples: readonly ReceivedSample[], isCertain: boolean): void;
  /** The answer to the last request was lost. */
  expectSame(samples: readonly ReceivedSample[]): void;
  /** @throws {Breach} */
  check(): void;
}

export function createDoubtfulStore(): DoubtfulStore {
  const stored = new Map<string, number>();
  const doubted = new Set<string>();
  const problems: string[] = [];
  let lost: string | undefined;
  let copies = 0;
  return {
    samples: stored,
    get copies() {
      return copies;
    },
    arrive(samples) {
      if (lost !== undefined && lost !== JSON.stringify(samples)) {
        problems.push("after a lost answer came another request than the one that was lost");
      }
      lost = undefined;
    },
    expectSame(samples) {
      lost = JSON.stringify(samples);
    },
    take(samples, isCertain) {
      for (const [id, value] of samples) {
        const known = stored.get(id);
        if (known !== undefined) copies++;
        if (known !== undefined && !doubted.has(id)) problems.push(`${id} came again after it was accepted`);
        if (known !== undefined && known !== value) problems.push(`${id} came as ${known} and as ${value}`);
        stored.set(id, value);
        if (isCertain) doubted.delete(id);
        else doubted.add(id);
      }
    },
    check() {
      if (problems[0] !== undefined) throw new Breach(problems[0]);
    },
  };
}
