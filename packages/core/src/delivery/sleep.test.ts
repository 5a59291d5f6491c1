import { expect, test, vi } from "vitest";
import { sleepFor } from "./sleep.ts";

test("sleepFor waits longer than one timer can", async ({ onTestFinished }) => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const fortyDaysMs = 40 * 86_400_000;
  let done = false;
  const waiting = sleepFor(fortyDaysMs).then(() => {
    done = true;
  });

  await vi.advanceTimersByTimeAsync(fortyDaysMs - 1);
  expect(done).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await waiting;
  expect(vi.getTimerCount()).toBe(0);
});

test("sleepFor rejects with the signal's reason and leaves no timer", async ({ onTestFinished }) => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const abort = new AbortController();
  const reason = new Error("enough");
  const waiting = sleepFor(1000, abort.signal);
  abort.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(sleepFor(1000, abort.signal)).rejects.toBe(reason);
  expect(vi.getTimerCount()).toBe(0);
});
