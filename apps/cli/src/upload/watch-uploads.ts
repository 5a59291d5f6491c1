import { sleepFor } from "@promferry/core/delivery";
import { EXIT, type ExitCode } from "../exit-codes.ts";

export interface WatchOptions {
  /** From the beginning of one upload to that of the next, in milliseconds. */
  readonly everyMs: number;
  /** One upload; ends early when the signal aborts. What it throws ends the watch. */
  readonly upload: (signal: AbortSignal) => Promise<ExitCode>;
  /** Ends the watch: at once while it waits; an upload under way may take `graceMs` more. */
  readonly stop: AbortSignal;
  /** Default 8 000: less than what service managers and containers wait before they kill. */
  readonly graceMs?: number;
  /** Told before each wait, with the number of failures in a row. */
  readonly onWait?: (waitMs: number, failures: number) => void;
  /** Waits; rejects when the signal aborts. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** Jitter source in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** The longest wait after failures, where `everyMs` is not longer. */
const MAX_BACKOFF_MS = 7_200_000;

/**
 * Uploads again and again, one after the other, until it is stopped. Beginnings that a long upload has missed are
 * left out. After failures the wait doubles with each, to at most two hours; to have got something to somewhere
 * (exit 3) is no failure.
 *
 * @returns What the last upload ended with.
 */
export async function watchUploads(options: WatchOptions): Promise<ExitCode> {
  const { everyMs, upload, stop, graceMs = 8_000, onWait, random = Math.random } = options;
  const { sleep = sleepFor, monotonicMs = () => performance.now() } = options;
  let failures = 0;
  for (;;) {
    const begin = monotonicMs();
    const exitCode = await uploadWithGrace();
    if (stop.aborted) return exitCode;
    failures = exitCode === EXIT.ok || exitCode === EXIT.partial ? 0 : failures + 1;
    const waitMs = failures === 0 ? everyMs - ((monotonicMs() - begin) % everyMs) : backoffMs();
    onWait?.(waitMs, failures);
    try {
      await sleep(waitMs, stop);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
    if (stop.aborted) return exitCode;
  }

  function backoffMs(): number {
    const longest = Math.max(everyMs, MAX_BACKOFF_MS);
    return Math.min(longest, everyMs * 2 ** (failures - 1)) * (0.9 + random() / 10);
  }

  async function uploadWithGrace(): Promise<ExitCode> {
    const running = new AbortController();
    const ended = new AbortController();
    const onStop = () => {
      sleep(graceMs, ended.signal).then(
        () => running.abort(stop.reason),
        () => {},
      );
    };
    if (stop.aborted) running.abort(stop.reason);
    stop.addEventListener("abort", onStop, { once: true });
    try {
      return await upload(running.signal);
    } finally {
      stop.removeEventListener("abort", onStop);
      ended.abort();
    }
  }
}
