import type { Instance, InstanceState } from "@promferry/target-registry";
import { changePages, type TargetPage } from "@promferry/target-registry/render";
import type { TargetStore } from "@promferry/target-registry/store";
import { ProblemError } from "../http/problem.ts";

/** What the store held at one moment. */
export interface MirrorView {
  readonly rev: number;
  /** Whether lists may be made of it. */
  readonly authoritative: boolean;
  /** What lists show of the served instances. Never changed; a change makes other pages. */
  readonly pages: readonly TargetPage[];
  readonly states: Readonly<Record<InstanceState, number>>;
  /** By the monotonic clock, in milliseconds. */
  readonly checkedAt: number;
}

/** What lists show of the store's instances, in memory, so that a list costs no reading of the store. */
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

/** Instances that are read and rendered between two turns of the event loop. */
const PAGE = 100;

export function createInstanceMirror(store: TargetStore, options: MirrorOptions = {}): InstanceMirror {
  const { freshMs = 1_000, reloadMs = 3_600_000, elapsed = () => performance.now() } = options;
  let view: MirrorView | undefined;
  let running: Promise<MirrorView> | undefined;
  let held = hold();
  let loadedAt = -Infinity;
  let reloading = false;

  async function load(): Promise<void> {
    // What changes while the pages are read is above this revision, and is followed afterwards.
    const loaded = hold((await store.info()).rev);
    let after: string | undefined;
    do {
      const page = await store.list({}, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      loaded.take(page.items);
      after = page.next;
      // A store in this process answers without a turn of the loop in between.
      await letOthersRun();
    } while (after !== undefined);
    [held, loadedAt] = [loaded, elapsed()];
  }

  /** Nobody waits for it: what is held goes on following the store. After a failure the next refresh begins another. */
  async function reload(): Promise<void> {
    reloading = true;
    await load().catch(() => {});
    reloading = false;
  }

  async function follow(): Promise<void> {
    for (;;) {
      const current = held;
      const { items, rev, more, reset } = await store.changes(current.rev, PAGE);
      if (reset) {
        await load();
        continue;
      }
      current.take(items);
      current.rev = rev;
      if (!more && current === held) return;
      await letOthersRun();
    }
  }

  async function refresh(): Promise<MirrorView> {
    const startedAt = elapsed();
    if (view === undefined) await load();
    else if (startedAt - loadedAt >= reloadMs && !reloading) void reload();
    const { authoritative } = await store.info();
    await follow();
    const { rev, pages, counts } = held;
    view = { rev, authoritative, pages, states: { ...counts }, checkedAt: startedAt };
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
  throw new ProblemError("store_new", "run `promferry targets init` once it is the right store", {
    retryAfter: 30,
  });
}

interface Held {
  rev: number;
  readonly pages: readonly TargetPage[];
  readonly counts: Readonly<Record<InstanceState, number>>;
  take(changed: readonly Instance[]): void;
}

function hold(rev = 0): Held {
  const states = new Map<string, InstanceState>();
  const counts = { expected: 0, active: 0, lost: 0, draining: 0, removed: 0 };
  let pages: readonly TargetPage[] = [];
  return {
    rev,
    get pages() {
      return pages;
    },
    counts,
    take(changed) {
      for (const { id, state } of changed) {
        const before = states.get(id);
        if (before !== undefined) counts[before] -= 1;
        counts[state] += 1;
        states.set(id, state);
      }
      pages = changePages(pages, changed);
    },
  };
}

function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
