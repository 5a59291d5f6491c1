import { join } from "node:path";
import type { JournalFs } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";

/** Its time of change says when a folder was looked after last. */
export const MAINTAINED_FILE = ".maintained";

const DAY_MS = 86_400_000;
/** Programs that start together do not all look at once. */
const FIRST_WITHIN_MS = 1_000;
/** Waits are up to a tenth shorter than a day, and one must not find the one before too young. */
const DUE_AFTER_MS = 0.8 * DAY_MS;

export interface MaintenanceSchedule {
  readonly dir: string;
  readonly fs: JournalFs;
  readonly now: () => EpochMs;
  /** In [0, 1). */
  readonly random: () => number;
  readonly schedule: (run: () => void, delayMs: number) => () => void;
  readonly maintain: () => Promise<unknown>;
  /** Told of what went wrong. */
  readonly fail: (cause: unknown) => void;
}

/**
 * Calls `maintain` within a second and then daily, unless another process did in the meantime.
 *
 * @returns Calls off what is planned.
 */
export function keepMaintained(options: MaintenanceSchedule): () => void {
  const { random, schedule, maintain, fail } = options;
  let isOver = false;
  let cancel = schedule(() => void runOnce(), Math.floor(random() * FIRST_WITHIN_MS));

  async function runOnce(): Promise<void> {
    try {
      if (await isDue(options)) {
        await maintain();
        await markDone(options);
      }
    } catch (error) {
      fail(error);
    }
    if (!isOver) cancel = schedule(() => void runOnce(), Math.floor(DAY_MS * (1 - random() / 10)));
  }

  return () => {
    isOver = true;
    cancel();
  };
}

/** A mark of the future is a clock's mistake. */
async function isDue({ dir, fs, now }: MaintenanceSchedule): Promise<boolean> {
  const mark = await fs.stat(join(dir, MAINTAINED_FILE)).catch(() => undefined);
  return mark === undefined || Math.abs(now() - mark.modifiedMs) >= DUE_AFTER_MS;
}

/** Made anew: the file system dates it, and nothing else is asked of it. */
async function markDone({ dir, fs }: MaintenanceSchedule): Promise<void> {
  const path = join(dir, MAINTAINED_FILE);
  await fs.unlink(path).catch(() => undefined);
  await (await fs.openAppend(path)).close();
}
