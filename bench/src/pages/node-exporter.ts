/** The pages "ne": one page of a node exporter 1.11, 288 times; its numbers change but keep their spelling. */

import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { seeded } from "../seeded.ts";

const PAGE_COUNT = 288;

export function* nodeExporterPages(pageCount: number = PAGE_COUNT): Generator<Buffer> {
  const random = seeded(3);
  const page = readFileSync(new URL("node-exporter.prom", import.meta.url), "utf8");
  for (let n = 0; n < pageCount; n++) {
    // The last digit before the exponent of every third value or so.
    const changed = page.replace(
      /^([^#\n].* -?[0-9.]*)[0-9](e[+-][0-9]+)?$/gm,
      (line, head, exponent = "") =>
        random() < 0.3 ? `${head}${1 + Math.floor(random() * 9)}${exponent}` : line,
    );
    yield Buffer.from(changed);
  }
}
