import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { PATTERNS } from "./patterns.ts";

// Its part in JavaScript: the others are a program for each system. It reads the variable when it is loaded.
process.env["RECHECK_SYNC_BACKEND"] = "pure";
const { checkSync } = createRequire(import.meta.url)("recheck") as typeof import("recheck");

/** As it is tried: anchored where the text begins. */
function verdict(source: string) {
  const checked = checkSync(`^(?:${source})`, "", { timeout: 60_000 });
  return checked.status === "unknown" ? checked.status : `${checked.status}, ${checked.complexity.type}`;
}

for (const { name, regex } of PATTERNS) {
  test(`no text makes the pattern ${name} slow`, { timeout: 90_000 }, () => {
    expect(verdict(regex.source)).toMatch(/^safe, (safe|linear)$/);
    expect(regex.flags).toBe("y");
  });
}

for (const source of ["(?:a|a)*b", "(?:[a-z.]+)*@"]) {
  test(`the checker would find ${source}`, () => {
    expect(verdict(source)).toMatch(/^vulnerable/);
  });
}
