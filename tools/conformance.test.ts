import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const SOURCES = "packages/remote-write/src";
const SUITE = "packages/core/src/testing/describe-destination.ts";
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** Files in which the titles behind a word of the column "Shown by" stand. */
function filesOf(label: string, section: string): readonly string[] {
  if (label.startsWith("suite")) return [SUITE];
  if (label === "e2e") {
    const own = section.startsWith("2.0") ? "e2e/remote-write-2.e2e.ts" : "e2e/remote-write.e2e.ts";
    return [own, "e2e/native-histograms.e2e.ts"];
  }
  const [, file = "", isCore] = /^`([^`]+)`( of `@promferry\/core`)?$/.exec(label) ?? [];
  return [isCore === undefined ? `${SOURCES}/${file}` : `packages/core/src/${file}`];
}

/**
 * Whether a title, or the part of one between two `…`, stands in a test file: as it is, or in two pieces, where the
 * title is a template and its name another string.
 */
function stands(part: string, source: string): boolean {
  if (source.includes(part)) return true;
  for (let i = part.length - 3; i >= 3; i--) {
    if (source.includes(part.slice(0, i)) && source.includes(part.slice(i))) return true;
  }
  return false;
}

/** What the table refers to and what is not there. Remarks in parentheses, and cells that name no test, are for people. */
function missingTitles(page: string): string[] {
  const missing: string[] = [];
  for (const chapter of page.split(/^## /m).slice(1)) {
    const [section = "", ...lines] = chapter.split("\n");
    if (section.includes("gaps")) continue;
    for (const line of lines.filter((each) => each.startsWith("| ") && !/^\| (?:Level|---)/.test(each))) {
      const cell = line.slice(line.lastIndexOf(" | ", line.length - 3) + 3, -2).replaceAll("\\_", "_");
      let sources: readonly string[] | undefined;
      for (const reference of cell.replace(/ \([^)]*\)/g, "").split("; ")) {
        const [, label, titles = reference] =
          /^(`[^`]+\.test\.ts`(?: of `[^`]+`)?|suite(?: for 1\.0)?|e2e): (.*)$/.exec(reference) ?? [];
        if (label !== undefined) sources = filesOf(label, section).map(read);
        for (const part of titles.split(/…(?:, )?/).map((each) => each.trim())) {
          if (sources === undefined || part.length < 3) continue;
          if (!sources.some((source) => stands(part, source))) missing.push(`${section}: ${label}: ${part}`);
        }
      }
    }
  }
  return missing;
}

const conformance = read("packages/remote-write/CONFORMANCE.md");

test("every test that remote-write's CONFORMANCE.md names is there", () => {
  expect(missingTitles(conformance)).toEqual([]);
});

test("a test that is not there is found", () => {
  const page = conformance
    .replace("the request carries the headers of 1.0", "the request bears the headers of 1.0")
    .replace("with a second \\_\\_name\\_\\_ …", "with a third \\_\\_name\\_\\_ …");
  expect(missingTitles(page)).toHaveLength(2);
});
