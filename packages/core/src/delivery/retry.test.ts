import { expect, test } from "vitest";
import { DeliveryError } from "./delivery-error.ts";
import { withRetry } from "./retry.ts";

const overloaded = (retryAfterMs?: number) =>
  new DeliveryError("ERR_DELIVERY_OVERLOADED", "busy", retryAfterMs === undefined ? {} : { retryAfterMs });

async function run(failures: readonly Error[], options: Parameters<typeof withRetry>[1] = {}) {
  const waits: number[] = [];
  let attempts = 0;
  let nowMs = 0;
  const result = await withRetry(
    async (n) => {
      attempts = n;
      const failure = failures[n - 1];
      if (failure) throw failure;
      return "done";
    },
    {
      random: () => 1,
      now: () => nowMs,
      sleep: async (ms) => {
        waits.push(ms);
        nowMs += ms;
      },
      ...options,
    },
  ).catch((error: unknown) => error);
  return { result, waits, attempts };
}

for (const { name, failures, waits } of [
  { name: "does not wait after a success", failures: [], waits: [] },
  { name: "doubles the wait", failures: [overloaded(), overloaded()], waits: [500, 1000] },
  { name: "obeys a longer Retry-After", failures: [overloaded(9000)], waits: [9000] },
  { name: "keeps its own wait when Retry-After is shorter", failures: [overloaded(10)], waits: [500] },
  { name: "does not cap Retry-After", failures: [overloaded(90_000)], waits: [90_000] },
  {
    name: "caps its own wait at 30 s",
    failures: Array.from({ length: 8 }, () => overloaded()),
    waits: [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  },
]) {
  test(`withRetry ${name}`, async () => {
    expect(await run(failures)).toEqual({ result: "done", waits, attempts: failures.length + 1 });
  });
}

test("withRetry takes off at most a tenth for jitter", async () => {
  const { waits } = await run([overloaded(), overloaded()], { random: () => 0 });
  expect(waits).toEqual([450, 900]);
});

test("withRetry gives up with the last error when the next attempt would begin after the deadline", async () => {
  const last = overloaded();
  const { result, waits } = await run([overloaded(), last, overloaded()], { deadline: 1499 });
  expect(result).toBe(last);
  expect(waits).toEqual([500]);
});

test("withRetry does not wait for a Retry-After beyond the deadline", async () => {
  const error = overloaded(60_000);
  const { result, waits } = await run([error], { deadline: 59_999 });
  expect(result).toBe(error);
  expect(waits).toEqual([]);
});

for (const error of [
  new DeliveryError("ERR_DELIVERY_REJECTED", "no"),
  new DeliveryError("ERR_DELIVERY_UNAUTHORIZED", "who?"),
  new DeliveryError("ERR_DELIVERY_MISCONFIGURED", "where?"),
  new DeliveryError("ERR_DELIVERY_TOO_LARGE", "half"),
  new TypeError("a bug"),
]) {
  test(`withRetry throws at once: ${"code" in error ? error.code : error.name}`, async () => {
    const { result, attempts } = await run([error]);
    expect(result).toBe(error);
    expect(attempts).toBe(1);
  });
}

test("withRetry begins no attempt under an aborted signal", async () => {
  const reason = new Error("enough");
  const { result, attempts } = await run([], { signal: AbortSignal.abort(reason) });
  expect(result).toBe(reason);
  expect(attempts).toBe(0);
});

test("withRetry ends its wait when the signal aborts", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  const pending = withRetry(
    async () => {
      queueMicrotask(() => abort.abort(reason));
      throw overloaded(3_600_000);
    },
    { signal: abort.signal },
  );
  await expect(pending).rejects.toBe(reason);
});
