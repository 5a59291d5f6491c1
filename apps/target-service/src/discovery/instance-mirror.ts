import { type Instance, type InstanceState, isServed } from "@promferry/target-registry";
import type { TargetStore } from "@promferry/target-registry/store";
import { ProblemError } from "../http/problem.ts";

/** What the store held at one moment. */
export interface MirrorView {
  readonly rev: number;
  /** Whether lists may be made of it. */
  readonly authoritative: boolean;
  /** Served instances, in the order of their ids. Never changed; a change makes another array. */
  readonly served: readonly Instance[];
  readonly states: Readonly<Record<InstanceState, number>>;
  /** By the monotonic clock, in milliseconds. */
  readonly checkedAt: number;
}

/** The store's instances in memory, so that a list costs no reading of the store. */
export interface InstanceMirror {
  /**
   * At most `freshMs` behind the store.
   *
   * @throws {StoreError} When the store does not answer: nobody knows then what is missing.
   */
  view(): Promise<MirrorView>;
  /** The latest view, however old; undefined before the first. */
  latest(): MirrorView | undefined;
}

export interface MirrorOptions {
  /** How long a view is used without asking the store. Default 1,000 ms. */
  readonly freshMs?: number;
  /** How often everything is read anew: tombstones that end are no change. Default 1 h. */
  readonly reloadMs?: number;
  /** Milliseconds by a monotonic clock. Default `performance.now`. */
  readonly elapsed?: () => number;
}

const PAGE = 10_000;

export function createInstanceMirror(store: TargetStore, options: MirrorOptions = {}): InstanceMirror {
  const { freshMs = 1_000, reloadMs = 3_600_000, elapsed = () => performance.now() } = options;
  let view: MirrorView | undefined;
  let running: Promise<MirrorView> | undefined;
  let states = new Map<string, InstanceState>();
  let served: readonly Instance[] = [];
  let rev = 0;
  let loadedAt = -Infinity;
  let counted: { rev: number; states: unknown; counts: MirrorView["states"] } | undefined;

  async function load(): Promise<void> {
    // What changes while the pages are read is above this revision, and is followed afterwards.
    const from = (await store.info()).rev;
    const loaded: Instance[] = [];
    const loadedStates = new Map<string, InstanceState>();
    let after: string | undefined;
    do {
      const page = await store.list({}, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const instance of page.items) {
        loadedStates.set(instance.id, instance.state);
        if (isServed(instance)) loaded.push(instance);
      }
      after = page.next;
    } while (after !== undefined);
    [states, served, rev, loadedAt] = [loadedStates, loaded, from, elapsed()];
  }

  async function follow(): Promise<void> {
    for (;;) {
      const changes = await store.changes(rev, PAGE);
      if (changes.reset) {
        await load();
        continue;
      }
      for (const { id, state } of changes.items) states.set(id, state);
      served = merge(served, changes.items);
      rev = changes.rev;
      if (!changes.more) return;
    }
  }

  async function refresh(): Promise<MirrorView> {
    const startedAt = elapsed();
    if (startedAt - loadedAt >= reloadMs) await load();
    const { authoritative } = await store.info();
    await follow();
    if (counted?.rev !== rev || counted.states !== states) {
      counted = { rev, states, counts: countStates(states.values()) };
    }
    view = { rev, authoritative, served, states: counted.counts, checkedAt: startedAt };
    return view;
  }

  return {
    async view() {
      if (view !== undefined && elapsed() - view.checkedAt < freshMs) return view;
      running ??= refresh().finally(() => {
        running = undefined;
      });
      return running;
    },
    latest: () => view,
  };
}

/** @throws {ProblemError} `store_new` while lists may not be made of what the store holds. */
export async function authoritativeView(mirror: InstanceMirror): Promise<MirrorView> {
  const view = await mirror.view();
  if (view.authoritative) return view;
  throw new ProblemError("store_new", "run `promferry-targets init` once it is the right store", {
    retryAfter: 30,
  });
}

/** `served` with the changed ones in place; both are short of a sort. */
function merge(served: readonly Instance[], changed: readonly Instance[]): readonly Instance[] {
  if (changed.length === 0) return served;
  const news = [...changed].sort((a, b) => (a.id < b.id ? -1 : 1));
  const merged: Instance[] = [];
  let next = 0;
  for (const instance of served) {
    while (next < news.length && news[next]!.id < instance.id) keep(news[next++]!);
    if (next < news.length && news[next]!.id === instance.id) keep(news[next++]!);
    else merged.push(instance);
  }
  while (next < news.length) keep(news[next++]!);
  return merged;

  function keep(instance: Instance): void {
    if (isServed(instance)) merged.push(instance);
  }
}

function countStates(states: Iterable<InstanceState>): Readonly<Record<InstanceState, number>> {
  const counts = { expected: 0, active: 0, lost: 0, draining: 0, removed: 0 };
  for (const state of states) counts[state] += 1;
  return counts;
}
