import { expect, test } from "vitest";
import { steadyClock } from "./steady-clock.ts";

for (const { name, steps, reads } of [
  {
    name: "goes with the host's",
    steps: [
      { host: 1_010, monotonic: 10 },
      { host: 1_020, monotonic: 20 },
    ],
    reads: [1_010, 1_020],
  },
  {
    name: "jumps ahead with it",
    steps: [
      { host: 9_000, monotonic: 10 },
      { host: 9_010, monotonic: 20 },
    ],
    reads: [9_000, 9_010],
  },
  {
    name: "goes on when it is set back",
    steps: [
      { host: 1_010, monotonic: 10 },
      { host: 20, monotonic: 25.5 },
      { host: 30, monotonic: 36 },
    ],
    reads: [1_010, 1_025, 1_036],
  },
]) {
  test(`the steady clock ${name}`, () => {
    const at = { host: 1_000, monotonic: 0 };
    const clock = steadyClock(
      () => at.host,
      () => at.monotonic,
    );
    const seen = steps.map((step) => {
      Object.assign(at, step);
      return clock();
    });
    expect(seen).toEqual(reads);
  });
}
