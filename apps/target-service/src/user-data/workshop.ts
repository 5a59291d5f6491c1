import { Worker } from "node:worker_threads";
import { ProblemError } from "../http/problem.ts";
import type { UserDataJob, UserDataOutcome } from "./job.ts";

/**
 * Works on user data in a thread of its own: strangers write the documents, and some take seconds to look through, while
 * heartbeats and lists must not wait.
 */
export interface Workshop {
  /**
   * @throws {ProblemError} `overloaded` when too many jobs wait; `user_data_part` when one takes too long.
   * @throws {Error} What the job fails with.
   */
  run(job: UserDataJob): Promise<UserDataOutcome>;
  /** Ends the thread, and whatever waits for it. */
  close(): Promise<void>;
}

export interface WorkshopOptions {
  /** Longest time of one job, in milliseconds. Default 10,000. */
  readonly limitMs?: number;
  /** Jobs that may wait. Default 32. */
  readonly waiting?: number;
}

/** Jobs run one after the other; the thread starts with the first one. */
export function createWorkshop({ limitMs = 10_000, waiting = 32 }: WorkshopOptions = {}): Workshop {
  let worker: Worker | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let queued = 0;

  function perform(job: UserDataJob): Promise<UserDataOutcome> {
    worker ??= startWorker();
    const current = worker;
    return new Promise<UserDataOutcome>((resolve, reject) => {
      const fail = (error: Error): void => {
        if (worker === current) worker = undefined;
        void current.terminate();
        settle(() => reject(error));
      };
      const slow = (): void =>
        fail(new ProblemError("user_data_part", `this part could not be looked through in ${limitMs} ms`));
      const ended = (): void => fail(new Error("the thread for user data ended"));
      const answered = (outcome: UserDataOutcome): void => settle(() => resolve(outcome));
      const timer = setTimeout(slow, limitMs);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        current.off("message", answered).off("error", fail).off("exit", ended);
        then();
      };
      current.once("message", answered).once("error", fail).once("exit", ended);
      current.postMessage(job);
    });
  }

  return {
    run(job) {
      if (queued >= waiting) {
        return Promise.reject(
          new ProblemError("overloaded", `${waiting} calls for user data are waiting`, { retryAfter: 10 }),
        );
      }
      queued += 1;
      const done = last
        .then(() => perform(job))
        .finally(() => {
          queued -= 1;
        });
      last = done.catch(() => {});
      return done;
    },
    async close() {
      await worker?.terminate();
    },
  };
}

function startWorker(): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const source = new URL("./worker.ts", import.meta.url);
  const worker = new Worker(isSource ? source : new URL("./worker.js", import.meta.url), {
    // Packages of the workspace are resolved to their sources, as everywhere before a build.
    execArgv: isSource ? ["--conditions=@promferry/source"] : [],
  });
  // An error beside a job ends the thread; the next job starts another one.
  worker.on("error", () => {});
  worker.unref();
  return worker;
}
