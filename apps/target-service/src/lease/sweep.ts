import { planSweep, type SweepPlan, type Timings } from "@promferry/target-registry";
import type { Fence, TargetStore } from "@promferry/target-registry/store";

/** What the scraper itself knows of instances. */
export interface Evidence {
  /** Ids of instances none of whose endpoints answer. Never rejects: no answer is no evidence. */
  down(): Promise<ReadonlySet<string>>;
}

export interface SweepOptions {
  readonly store: TargetStore;
  readonly timings: Timings;
  /** This replica, for the leadership. */
  readonly holder: string;
  /** How long the leadership lasts without another sweep, in milliseconds. */
  readonly ttlMs: number;
  /** Default: none. */
  readonly evidence?: Evidence;
  /** Instances that lapse in one sweep at most, 1 to 10,000. Default 1,000. */
  readonly atOnce?: number;
}

export interface SweepReport {
  readonly fence: Fence;
  readonly lapsed: readonly string[];
  readonly held: readonly string[];
  /** Time that was given back to everybody. */
  readonly extendedMs: number;
}

/** Instances that the store gives in one answer. */
const MOST = 10_000;

/**
 * One guarded sweep, if this replica leads; undefined when another one does.
 *
 * @throws {StoreError} `ERR_STORE_FENCED` when the leadership was lost on the way; nothing was lapsed wrongly then.
 */
export async function sweepOnce(options: SweepOptions): Promise<SweepReport | undefined> {
  const { store, timings, holder, ttlMs, evidence, atOnce = 1_000 } = options;
  const fence = await store.lead("sweep", holder, ttlMs);
  if (fence === null) return undefined;
  let due = await store.due(atOnce);
  const silent = due.some(({ state }) => state === "active" || state === "lost");
  const down = silent ? await evidence?.down() : undefined;
  const known = {
    now: await store.now(),
    state: await store.sweepState(),
    // Nothing is held of which nothing is due.
    tally: due.length === 0 ? [] : await store.tally(),
    timings,
    ...(down && { down }),
  };
  let plan = planSweep({ ...known, due });
  // What is held may be held for good, and must not hide what is due behind it.
  for (let asked = atOnce, got = due.length; got === asked && isAllHeld(plan); ) {
    asked = Math.min(due.length, MOST);
    const more = await store.due(asked, due.at(-1));
    got = more.length;
    due = [...due, ...more];
    plan = planSweep({ ...known, due });
  }
  if (plan.extendMs > 0) await store.extendDeadlines(plan.extendMs, fence);
  // Before anything lapses: a crash in between gives time twice, never takes it.
  await store.saveSweepState(plan.state, fence);
  const lapsed = plan.lapse.length === 0 ? [] : await store.lapse(plan.lapse.slice(0, atOnce), fence);
  return { fence, lapsed, held: plan.held, extendedMs: plan.extendMs };
}

function isAllHeld({ lapse, extendMs }: SweepPlan): boolean {
  return lapse.length === 0 && extendMs === 0;
}
