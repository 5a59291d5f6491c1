import { expect, test } from "vitest";
import type { ExitCode } from "../exit-codes.ts";
import { watchUploads } from "./watch-uploads.ts";

const MINUTE = 60_000;

/** Watches while `codes` last; each upload takes `takesMs`. The waits are in minutes. */
async function watch(codes: readonly ExitCode[], takesMs: readonly number[] = []) {
  const stop = new AbortController();
  const waits: number[] = [];
  let now = 0;
  let n = 0;
  const exitCode = await watchUploads({
    everyMs: 15 * MINUTE,
    upload: async () => {
      now += takesMs[n] ?? 0;
      return codes[n++]!;
    },
    stop: stop.signal,
    sleep: async (ms) => {
      waits.push(ms / MINUTE);
      now += ms;
      if (n === codes.length) stop.abort();
    },
    monotonicMs: () => now,
    random: () => 1,
  });
  return { exitCode, waits };
}

for (const { name, codes, takes, waits } of [
  { name: "begins every fifteen minutes", codes: [0, 0], takes: [MINUTE, 5 * MINUTE], waits: [14, 10] },
  { name: "leaves out beginnings that it missed", codes: [0], takes: [40 * MINUTE], waits: [5] },
  {
    name: "waits twice as long after each failure, to two hours",
    codes: [69, 69, 75, 77, 78, 69],
    waits: [15, 30, 60, 120, 120, 120],
  },
  { name: "begins anew after a success", codes: [69, 69, 0, 69], waits: [15, 30, 15, 15] },
  { name: "takes a part for a success", codes: [3, 3], waits: [15, 15] },
]) {
  test(`watching ${name}`, async () => {
    const result = await watch(codes as readonly ExitCode[], takes);
    expect(result).toEqual({ exitCode: codes.at(-1), waits });
  });
}

test("an upload every forty days is not one every millisecond", async () => {
  const stop = new AbortController();
  let uploads = 0;
  await watchUploads({
    everyMs: 40 * 86_400_000,
    upload: async () => {
      // Timers fire in order: a wait that was taken for 1 ms has ended by then.
      setTimeout(() => stop.abort(), 20);
      uploads++;
      return 0;
    },
    stop: stop.signal,
  });
  expect(uploads).toBe(1);
});

test("a stop ends a wait at once, with what the last upload ended with", async () => {
  const stop = new AbortController();
  const watching = watchUploads({
    everyMs: 3_600_000,
    upload: async () => 3,
    stop: stop.signal,
    onWait: () => setImmediate(() => stop.abort()),
  });
  expect(await watching).toBe(3);
});

test("an upload under way when the stop comes goes on to its end, and is the last", async () => {
  const stop = new AbortController();
  const waits: number[] = [];
  let uploads = 0;
  const exitCode = await watchUploads({
    everyMs: MINUTE,
    upload: async (signal) => {
      uploads++;
      stop.abort();
      await new Promise((resolve) => setImmediate(resolve));
      return signal.aborted ? 143 : 0;
    },
    stop: stop.signal,
    sleep: async (ms, signal) => {
      waits.push(ms);
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  expect({ exitCode, uploads, waits }).toEqual({ exitCode: 0, uploads: 1, waits: [8_000] });
});

test("an upload that takes longer than the grace time is stopped, with the stop's reason", async () => {
  const stop = new AbortController();
  const exitCode = await watchUploads({
    everyMs: MINUTE,
    upload: async (signal) => {
      stop.abort("SIGTERM");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return signal.reason === "SIGTERM" ? 143 : 130;
    },
    stop: stop.signal,
    sleep: async () => {},
  });
  expect(exitCode).toBe(143);
});

test("uploads never overlap", async () => {
  const stop = new AbortController();
  let running = 0;
  let most = 0;
  let uploads = 0;
  await watchUploads({
    everyMs: 1,
    upload: async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (++uploads === 4) stop.abort();
      return 0;
    },
    stop: stop.signal,
  });
  expect({ most, uploads }).toEqual({ most: 1, uploads: 4 });
});
