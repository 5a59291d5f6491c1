/** Runs the stages of `npm test` and adds up what they came to. Runs on Node 20. */

/** @typedef {import("./vitest-report.mjs").Tally} Tally */

/**
 * Runs one stage after the other. One that throws counts as one failed test, and the others still run.
 *
 * @param {readonly (readonly [name: string, stage: () => Promise<Tally>])[]} stages
 * @param {(line: string) => void} [say] Default: standard output.
 * @returns {Promise<Tally>}
 */
export async function runStages(stages, say = console.log) {
  let passed = 0;
  let failed = 0;
  /** @type {string[]} */
  const skipped = [];
  for (const [name, stage] of stages) {
    const began = Date.now();
    say(`${name} …`);
    const tally = await stage().catch((error) => {
      say(/** @type {Error} */ (error).message);
      return { passed: 0, failed: 1, skipped: [] };
    });
    passed += tally.passed;
    failed += tally.failed;
    skipped.push(...tally.skipped);
    say(`${name} ${tally.failed === 0 ? "ok" : "FAILED"} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  }
  return { passed, failed, skipped };
}
