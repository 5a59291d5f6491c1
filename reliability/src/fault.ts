/** One kind of fault: a row of the table. */
export interface Fault {
  /** As `--only` takes it. */
  readonly name: string;
  /** What is done to the product. */
  readonly title: string;
  /** What `amount` counts. */
  readonly unit: string;
  /** How much of it: in the long form, in CI, and for a mutant. */
  readonly amounts: { readonly long: number; readonly short: number; readonly mutant: number };
  readonly holds: string;
  /** What it leaves out on any machine, a sentence each. */
  readonly notShown?: readonly string[];
  run(context: FaultContext): Promise<void>;
}

export interface FaultContext {
  readonly seed: string;
  readonly amount: number;
  /** Number of the first case; for looking at a breach again. */
  readonly first: number;
  /** Adds to a figure of the table. */
  count(figure: string, by?: number): void;
  /** Keeps the largest value of a figure. */
  largest(figure: string, value: number): void;
  /** Says that something could not be run on this machine, and why. */
  notShown(what: string): void;
  /** Says that a promise was broken. */
  breach(what: string): void;
  /** Says on a terminal how far it has come. */
  progress(done: number): void;
}

/** A promise that was broken. */
export class Breach extends Error {
  override readonly name = "Breach";
}

/** @throws {Breach} */
export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Breach(what);
}

/** So many breaches are enough to know. */
const ENOUGH = 5;

/**
 * Runs the cases `first` up to `first + amount`; each breach names its case, and the rest goes on.
 *
 * @param body Says how many units of `amount` the case was worth; default 1.
 */
export async function eachCase(
  context: FaultContext,
  // biome-ignore lint/suspicious/noConfusingVoidType: most cases are worth one and say nothing.
  body: (index: number) => Promise<number | void>,
): Promise<void> {
  let breaches = 0;
  for (let done = 0, index = context.first; done < context.amount; index++) {
    try {
      done += (await body(index)) ?? 1;
    } catch (error) {
      done++;
      breaches++;
      const what =
        error instanceof Breach
          ? error.message
          : `unexpected ${error instanceof Error ? error.stack : String(error)}`;
      context.breach(`case ${index}: ${what}`);
      if (breaches >= ENOUGH) return;
    }
    context.progress(done);
  }
}
