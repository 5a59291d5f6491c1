/**
 * The guarded sweep: which lapsed instances go on, and which are held because too many lapse at once.
 *
 * A list is what one Prometheus job of one project reads: the served endpoints of one name. Lapses are weighed for
 * each list, and for each name over all projects.
 */
import type { EpochMs, InstanceState } from "../model/instance.ts";

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
