import { StoreError } from "@promferry/target-registry/store";
import type { Engine, Session, WriteOptions } from "./engine.ts";
import { createWriteSet, metaOf, type WriteSet } from "./write-set.ts";

export interface Job<T> {
  readonly run: (set: WriteSet) => Promise<T>;
  /** Instances and tokens that it will ask for. */
  readonly instances?: readonly string[];
  readonly tokens?: readonly string[];
  /** Leadership and `thaw`. Default false. */
  readonly evenFrozen?: boolean;
}

export interface Writer {
  /** Runs in a transaction that it may share with others; may run several times before one commits. */
  write<T>(job: Job<T>): Promise<T>;
  /** Runs once, in a transaction of its own. */
  alone<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Once all that was asked before is done. */
  idle(): Promise<void>;
}

interface Waiting extends Job<unknown> {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** So many writes share a commit at most: a transaction must not hold other replicas up. */
const GROUP = 100;

/**
 * One transaction at a time; what comes meanwhile goes together into the next, so that many writers share a lock, a
 * commit and a flush of the disk.
 *
 * @param wrote Told the revision after each commit.
 */
export function createWriter(engine: Engine, wrote: (rev: number) => void): Writer {
  const queue: Waiting[] = [];
  let turn: Promise<unknown> = Promise.resolve();

  return {
    write: <T>(job: Job<T>) =>
      new Promise<T>((resolve, reject) => {
        queue.push({ ...job, resolve: resolve as (value: unknown) => void, reject });
        if (queue.length % GROUP === 1) inTurn(() => runGroup(queue.splice(0, GROUP)));
      }),
    alone: (work) => inTurn(() => engine.write(work, ONCE)),
    idle: async () => {
      await turn;
    },
  };

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  async function runGroup(group: readonly Waiting[]): Promise<void> {
    if (group.length === 0) return;
    try {
      const { settle, rev } = await engine.write((session, now) => attempt(group, session, now));
      wrote(rev);
      for (const step of settle) step();
    } catch (error) {
      // One of them may be at fault, and the others must not suffer.
      if (group.length > 1 && !(error instanceof StoreError)) {
        for (const job of group) await runGroup([job]);
      } else {
        for (const { reject } of group) reject(error);
      }
    }
  }

  async function attempt(
    group: readonly Waiting[],
    session: Session,
    now: number,
  ): Promise<{ settle: (() => void)[]; rev: number }> {
    const [row] = await session.all("select * from store");
    if (row === undefined) throw new StoreError("ERR_STORE_DAMAGED", "expected one row in table store");
    const set = createWriteSet(engine, session, metaOf(row), now);
    const wanted = row["frozen"] ? group.filter(({ evenFrozen }) => evenFrozen) : group;
    const distinct = (lists: (readonly string[] | undefined)[]): string[] => [
      ...new Set(lists.flatMap((list) => list ?? [])),
    ];
    await set.load(
      distinct(wanted.map(({ instances }) => instances)),
      distinct(wanted.map(({ tokens }) => tokens)),
    );
    const settle: (() => void)[] = [];
    for (const { run, evenFrozen, resolve, reject } of group) {
      if (row["frozen"] && evenFrozen !== true) {
        settle.push(() => reject(frozen()));
        continue;
      }
      set.mark();
      try {
        const value = await run(set);
        settle.push(() => resolve(value));
      } catch (error) {
        if (session.failed()) throw error;
        set.undo();
        settle.push(() => reject(error));
      }
    }
    return { settle, rev: await set.flush() };
  }
}

const ONCE: WriteOptions = { once: true };

export function frozen(): StoreError {
  return new StoreError("ERR_STORE_FROZEN", "the store is being exported; writes are refused until it ends");
}
