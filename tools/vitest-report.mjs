/** Reads vitest's JSON report: its console summary is for people. Runs on Node 20. */
import { readFile } from "node:fs/promises";

/**
 * @typedef {object} Tally
 * @property {number} passed
 * @property {number} failed Tests that failed, files that could not be loaded, and a run that failed as a whole.
 * @property {readonly string[]} skipped Names of the tests that were not run.
 */

/**
 * What a vitest run came to.
 *
 * @param {string} file The JSON report.
 * @param {number} exitCode Vitest's own; one without a failed test counts as a failure too.
 * @returns {Promise<Tally>}
 */
export async function readTally(file, exitCode) {
  let report;
  try {
    report = JSON.parse(await readFile(file, "utf8"));
  } catch {
    // Vitest ended before it could report: there is nothing else to count.
    return { passed: 0, failed: 1, skipped: [] };
  }
  let passed = 0;
  let failed = 0;
  /** @type {string[]} */
  const skipped = [];
  for (const { assertionResults, status } of report.testResults) {
    let failedHere = 0;
    for (const result of assertionResults) {
      if (result.status === "passed") passed++;
      else if (result.status === "failed") failedHere++;
      else skipped.push(result.fullName.trim());
    }
    failed += status === "failed" ? Math.max(1, failedHere) : failedHere;
  }
  if (exitCode !== 0 && failed === 0) failed = 1;
  return { passed, failed, skipped };
}
