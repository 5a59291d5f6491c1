import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type ExpositionError, type ExpositionFormat, parseExposition } from "./index.ts";

/**
 * `error`: line, column and code of our refusal. `differs`: why promtool or Prometheus, which agree
 * with every other row, judge otherwise; the end-to-end tests hold the table against the real ones.
 */
interface Verdict {
  readonly name: string;
  readonly page: string;
  readonly latin1?: boolean;
  readonly error?: string;
  readonly differs?: string;
}

const table = JSON.parse(
  readFileSync(new URL("../../test/verdicts.json", import.meta.url), "utf8"),
) as Record<ExpositionFormat, Verdict[]>;

for (const format of ["prometheus", "scrape", "openmetrics"] as const) {
  for (const { name, page, latin1, error } of table[format]) {
    test(`${format} ${error === undefined ? "takes" : "refuses"} ${name}`, () => {
      const bytes = Buffer.from(page, latin1 ? "latin1" : "utf8");
      expect(verdict(bytes, format)).toBe(error);
    });
  }
}

function verdict(bytes: Uint8Array, format: ExpositionFormat): string | undefined {
  try {
    parseExposition(bytes, { format });
    return undefined;
  } catch (error) {
    const { line, column, code } = error as ExpositionError;
    return `${line}:${column} ${code}`;
  }
}
