import type { Fault } from "./fault.ts";

export interface FaultResult {
  readonly fault: Fault;
  readonly amount: number;
  readonly figures: ReadonlyMap<string, number>;
  readonly notShown: readonly string[];
  readonly breaches: readonly string[];
  readonly tookMs: number;
}

export interface FaultRun {
  readonly seed: string;
  readonly amount: number;
  readonly first: number;
}

/** Runs one fault; what it throws is a breach. */
export async function runFault(fault: Fault, run: FaultRun): Promise<FaultResult> {
  const figures = new Map<string, number>();
  const notShown = new Set<string>();
  const breaches: string[] = [];
  const began = performance.now();
  let saidMs = began;
  try {
    await fault.run({
      ...run,
      count: (figure, by = 1) => figures.set(figure, (figures.get(figure) ?? 0) + by),
      largest: (figure, value) => figures.set(figure, Math.max(figures.get(figure) ?? 0, value)),
      notShown: (what) => notShown.add(what),
      breach: (what) => breaches.push(what),
      progress(done) {
        if (!process.stderr.isTTY || performance.now() - saidMs < 1000) return;
        saidMs = performance.now();
        process.stderr.write(`\r${fault.name} ${done}/${run.amount}\x1b[K\r`);
      },
    });
  } catch (error) {
    breaches.push(`the fault itself failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
  return {
    fault,
    amount: run.amount,
    figures,
    notShown: [...notShown],
    breaches,
    tookMs: performance.now() - began,
  };
}
