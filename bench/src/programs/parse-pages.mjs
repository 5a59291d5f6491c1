/**
 * Reads every page of a page file and counts what it holds: `parse-pages.mjs PARSER FILE LENGTHS`. A plain
 * script on what is published, so that neither side pays for type stripping. Prints its own cost as JSON.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { ownCost } from "./own-cost.mjs";

const [parser = "", path = "", lengthsPath = ""] = process.argv.slice(2);

/** Each gives a function that reads a page and returns the number of its families. */
const parsers = {
  async ours() {
    const { createExpositionParser } = await import("@promferry/core/text-format");
    const { parse } = createExpositionParser({ format: "prometheus" });
    return (/** @type {Buffer} */ page) => parse(page).length;
  },
  async scrape() {
    const { createExpositionParser } = await import("@promferry/core/text-format");
    const { parse } = createExpositionParser({ format: "scrape" });
    return (/** @type {Buffer} */ page) => parse(page).length;
  },
  async "parse-prometheus-text-format"() {
    const { default: parse } = await import("parse-prometheus-text-format");
    return (/** @type {Buffer} */ page) => parse(page.toString()).length;
  },
};

const count = await parsers[/** @type {keyof typeof parsers} */ (parser)]();
/** @type {number[]} */
const lengths = JSON.parse(readFileSync(lengthsPath, "utf8"));
const buffer = Buffer.allocUnsafe(Math.max(...lengths));
const file = openSync(path, "r");
let families = 0;
for (const length of lengths) {
  const read = readSync(file, buffer, 0, length, null);
  families += count(buffer.subarray(0, read));
}
closeSync(file);
console.log(JSON.stringify({ families, ...ownCost() }));
