import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readTally } from "./vitest-report.mjs";

const passing = { status: "passed", fullName: "a works" };
const failing = { status: "failed", fullName: "b breaks" };
const pending = { status: "pending", fullName: " c is not shown" };

for (const { name, files, exitCode, tally } of [
  {
    name: "counts tests of all files",
    files: [
      { status: "passed", assertionResults: [passing, pending] },
      { status: "failed", assertionResults: [passing, failing] },
    ],
    exitCode: 1,
    tally: { passed: 2, failed: 1, skipped: ["c is not shown"] },
  },
  {
    name: "counts a file that could not be loaded",
    files: [{ status: "failed", assertionResults: [] }],
    exitCode: 1,
    tally: { passed: 0, failed: 1, skipped: [] },
  },
  {
    name: "counts an error outside of all tests",
    files: [{ status: "passed", assertionResults: [passing] }],
    exitCode: 1,
    tally: { passed: 1, failed: 1, skipped: [] },
  },
]) {
  test(`readTally ${name}`, async ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), "promferry-tally-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "report.json"), JSON.stringify({ testResults: files }));
    expect(await readTally(join(folder, "report.json"), exitCode)).toEqual(tally);
  });
}

test("readTally counts a run without a report as failed", async () => {
  expect(await readTally("/nonexistent/report.json", 0)).toEqual({ passed: 0, failed: 1, skipped: [] });
});
