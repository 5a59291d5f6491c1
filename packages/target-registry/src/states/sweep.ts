/**
 * The guarded sweep: which lapsed instances go on, and which are held because too many lapse at once.
 *
 * A list is what one Prometheus job of one project reads: the served endpoints of one name. Lapses are weighed for
 * each list, and for each name over all projects.
 */
import type { EpochMs, InstanceState } from "../model/instance.ts";
import type { Timings } from "./timings.ts";

/** An instance whose deadline has passed. */
export interface DueInstance {
  readonly id: string;
  readonly project: string;
  readonly state: InstanceState;
  readonly deadline: EpochMs;
  /** Names of its endpoints, each once. */
  readonly lists: readonly string[];
}

/** Counts of instances in one list; an instance with two endpoints of one name counts once. */
export interface ListTally {
  readonly project: string;
  /** Endpoint name. */
  readonly list: string;
  readonly served: number;
  readonly active: number;
  /** Active, lease over. */
  readonly overdue: number;
  /** Lost, for less than one lease. */
  readonly justLost: number;
  /** Lost, hold over. */
  readonly leaving: number;
  /** Removed by lapse less than one lease ago. */
  readonly justLapsed: number;
}

/** A sweep that waits. */
export interface Hold {
  /** Project, or null for the list over all projects. */
  readonly project: string | null;
  readonly list: string;
  /** Which step waits: `active` to `lost`, or `lost` to `removed`. */
  readonly step: "lose" | "remove";
  readonly since: EpochMs;
  /** It was let go by time; it stays open until the list has been calm. */
  readonly released: boolean;
}

/** What the sweep must remember from one run to the next, and from one leader to the next. */
export interface SweepState {
  readonly lastSweepAt: EpochMs;
  readonly holds: readonly Hold[];
}

/** When a sweep is too large to be believed. */
export interface GuardLimits {
  /** So many lapses are always believed, unless they are half a list. Default 5. */
  readonly count: number;
  /** Share of the active instances that may lapse within one lease. Default 0.1. */
  readonly share: number;
  /** Share of a list that is held whatever its size. Default 0.5. */
  readonly listShare: number;
  /** Longest time that a sweep is held, in milliseconds. Default 15 min. */
  readonly holdMs: number;
}

export const DEFAULT_GUARD: GuardLimits = { count: 5, share: 0.1, listShare: 0.5, holdMs: 900_000 };

export interface SweepInput {
  readonly now: EpochMs;
  /** Undefined when there never was a sweep. */
  readonly state: SweepState | undefined;
  /** By deadline. May be the first part only: the weighing is by `tally`. */
  readonly due: readonly DueInstance[];
  readonly tally: readonly ListTally[];
  /** Instances for which the scraper itself says `up == 0`: evidence that they are gone. Default: none is known. */
  readonly down?: ReadonlySet<string>;
  /** Projects whose emptiness an operator has confirmed. Default: none. */
  readonly confirmed?: ReadonlySet<string> | "all";
  readonly timings: Timings;
  readonly guard?: GuardLimits;
}

export interface SweepPlan {
  /** Instances to lapse now. */
  readonly lapse: readonly string[];
  /** Due, and waiting: for evidence, for heartbeats, for time, or for the platform's word. */
  readonly held: readonly string[];
  /** Move all deadlines by so much first, and lapse nothing: the service was away, or the clock jumped. */
  readonly extendMs: number;
  /** To be saved after `extendMs` and before anything is lapsed: a crash in between then gives time twice, never takes it. */
  readonly state: SweepState;
}

/**
 * Decides what one sweep does.
 *
 * - A sweep that comes later than a third of the lease after the one before it (or before it, by the clock) lapses
 *   nothing and gives everybody the time back that the service was away.
 * - `active` to `lost` is held for a list while the unproven lapses of the last lease's length exceed both limits of the
 *   guard, or, being two or more, half of the list. `lost` to `removed` is held while they are half of the list.
 * - A hold ends when the lapses are proven, when heartbeats return, when an operator confirms, or by time. Once ended by time it
 *   does not begin again before the list has been calm.
 * - The last served instance of a list is never removed by lapse, however long it is silent: only the platform, a
 *   confirmation or its own goodbye empties a list.
 */
export function planSweep(input: SweepInput): SweepPlan {
  const { now, state, due, tally, timings, down = new Set(), confirmed = new Set() } = input;
  const guard = input.guard ?? DEFAULT_GUARD;
  const awayMs = state === undefined ? 0 : now - state.lastSweepAt;
  if (Math.abs(awayMs) > timings.leaseMs / 3) {
    const held = due.map(({ id }) => id);
    const holds = state?.holds ?? [];
    return { lapse: [], held, extendMs: Math.max(0, awayMs), state: { lastSweepAt: now, holds } };
  }

  const isConfirmed = (project: string): boolean => confirmed === "all" || confirmed.has(project);
  const before = new Map(
    (state?.holds ?? []).map((hold) => [holdKey(hold.step, hold.project, hold.list), hold]),
  );
  const holds = new Map<string, Hold>();
  for (const { step, project, list } of masses(input, guard, isConfirmed)) {
    const key = holdKey(step, project, list);
    const earlier = before.get(key);
    const since = Math.min(earlier?.since ?? now, now);
    const released = earlier?.released === true || now - since >= guard.holdMs;
    holds.set(key, { project, list, step, since, released });
  }
  const waits = (step: Hold["step"], { project, lists }: DueInstance): boolean =>
    lists.some((list) =>
      [project, null].some((owner) => holds.get(holdKey(step, owner, list))?.released === false),
    );

  const served = new Map(tally.map((row) => [listKey(row.project, row.list), row.served]));
  const isLast = ({ project, lists }: DueInstance): boolean =>
    lists.some((list) => (served.get(listKey(project, list)) ?? 1) <= 1);
  const lapse: string[] = [];
  const held: string[] = [];
  for (const instance of due) {
    const sure = down.has(instance.id) || isConfirmed(instance.project);
    const leaves = instance.state === "lost" || instance.state === "draining";
    const stays =
      (instance.state === "active" && !sure && waits("lose", instance)) ||
      (instance.state === "lost" && !sure && waits("remove", instance)) ||
      (instance.state === "lost" && !isConfirmed(instance.project) && isLast(instance));
    (stays ? held : lapse).push(instance.id);
    if (stays || !leaves) continue;
    for (const list of instance.lists) {
      const key = listKey(instance.project, list);
      served.set(key, (served.get(key) ?? 1) - 1);
    }
  }
  return { lapse, held, extendMs: 0, state: { lastSweepAt: now, holds: [...holds.values()] } };
}

interface Mass {
  readonly step: Hold["step"];
  readonly project: string | null;
  readonly list: string;
}

/** The lists of which too much would go at once. */
function masses(
  { due, tally, down = new Set() }: SweepInput,
  guard: GuardLimits,
  isConfirmed: (project: string) => boolean,
): readonly Mass[] {
  const proven = new Map<string, number>();
  for (const instance of due) {
    if (!down.has(instance.id)) continue;
    for (const list of instance.lists) {
      const key = `${instance.state} ${listKey(instance.project, list)}`;
      proven.set(key, (proven.get(key) ?? 0) + 1);
    }
  }
  const found: Mass[] = [];
  const overall = new Map<string, Weight>();
  for (const row of tally) {
    if (isConfirmed(row.project)) continue;
    const { project, list } = row;
    const key = listKey(project, list);
    const weight: Weight = {
      overdue: row.overdue - (proven.get(`active ${key}`) ?? 0),
      leaving: row.leaving - (proven.get(`lost ${key}`) ?? 0),
      justLost: row.justLost,
      justLapsed: row.justLapsed,
      active: row.active,
      served: row.served,
    };
    found.push(...tooMuch(weight, guard).map((step) => ({ step, project, list })));
    overall.set(list, addWeights(overall.get(list), weight));
  }
  for (const [list, weight] of overall) {
    found.push(...tooMuch(weight, guard).map((step) => ({ step, project: null, list })));
  }
  return found;
}

type Weight = Pick<ListTally, "overdue" | "leaving" | "justLost" | "justLapsed" | "active" | "served">;

/** Counts what went within the last lease too: a fleet that falls silent at once lapses over many sweeps. */
function tooMuch(weight: Weight, guard: GuardLimits): Hold["step"][] {
  const losing = weight.overdue + weight.justLost;
  const most = Math.max(guard.count, guard.share * (weight.active + weight.justLost));
  const losesHalf = losing > 1 && losing >= guard.listShare * weight.served;
  const going = weight.leaving + weight.justLapsed;
  const removesHalf = going >= guard.listShare * (weight.served + weight.justLapsed);
  return [
    ...(weight.overdue > 0 && (losing > most || losesHalf) ? (["lose"] as const) : []),
    ...(weight.leaving > 0 && removesHalf ? (["remove"] as const) : []),
  ];
}

function addWeights(a: Weight | undefined, b: Weight): Weight {
  if (a === undefined) return b;
  return {
    overdue: a.overdue + b.overdue,
    leaving: a.leaving + b.leaving,
    justLost: a.justLost + b.justLost,
    justLapsed: a.justLapsed + b.justLapsed,
    active: a.active + b.active,
    served: a.served + b.served,
  };
}

function listKey(project: string, list: string): string {
  return `${project} ${list}`;
}

function holdKey(step: Hold["step"], project: string | null, list: string): string {
  return `${step} ${project === null ? "" : listKey(project, "")} ${list}`;
}
