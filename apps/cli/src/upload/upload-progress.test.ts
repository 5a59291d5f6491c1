import { expect, test } from "vitest";
import { createProgressLine } from "./upload-progress.ts";

test("the line says how much is accepted, how fast, and how long it still takes, for each destination", () => {
  let nowMs = 1_000;
  const line = createProgressLine(() => nowMs);
  expect(line({ destination: "a", accepted: 0 })).toBe("a: 0 samples accepted");
  nowMs += 1_999;
  expect(line({ destination: "a", accepted: 500, frames: { done: 1, total: 10 } })).toBe(
    "a: 500 samples accepted, 10 %",
  );
  nowMs += 2_001;
  expect(line({ destination: "a", accepted: 1_000, frames: { done: 1, total: 4 } })).toBe(
    "a: 1000 samples accepted, 25 %, 250/s, 12s left",
  );
  expect(line({ destination: "b", accepted: 7 })).toBe("b: 7 samples accepted");
  nowMs += 4_000;
  expect(line({ destination: "a", accepted: 4_000, frames: { done: 4, total: 4 } })).toBe(
    "a: 4000 samples accepted, 100 %, 500/s, 0s left",
  );
  expect(line({ destination: "b", accepted: 9, frames: { done: 0, total: 3 } })).toBe(
    "b: 9 samples accepted, 0 %, 2/s",
  );
});
