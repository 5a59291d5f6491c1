import { expect, test } from "vitest";
import { runStages } from "./run-stages.mjs";

test("a stage that crashes is one failure, and costs no other stage's count", async () => {
  const said: string[] = [];
  const total = await runStages(
    [
      ["unit", async () => ({ passed: 3, failed: 1, skipped: ["later"] })],
      [
        "e2e",
        async () => {
          throw new Error("no space left");
        },
      ],
      ["docs", async () => ({ passed: 1, failed: 0, skipped: [] })],
    ],
    (line) => said.push(line),
  );
  expect(total).toEqual({ passed: 4, failed: 2, skipped: ["later"] });
  expect(said.map((line) => line.replace(/[\d.]+ s/, "0 s"))).toEqual([
    "unit …",
    "unit FAILED (0 s)",
    "e2e …",
    "no space left",
    "e2e FAILED (0 s)",
    "docs …",
    "docs ok (0 s)",
  ]);
});
