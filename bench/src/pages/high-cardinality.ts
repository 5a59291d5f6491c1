/** The pages "hc": one family of 50,000 series, scraped twenty times, most of them unchanged in between. */

import { Buffer } from "node:buffer";
import { seeded } from "../seeded.ts";

const SERIES_COUNT = 50_000;
const PAGE_COUNT = 20;

export function* highCardinalityPages(
  seriesCount: number = SERIES_COUNT,
  pageCount: number = PAGE_COUNT,
): Generator<Buffer> {
  const random = seeded(2);
  const values = Array.from({ length: seriesCount }, () => Math.floor(random() * 1e6));
  for (let page = 0; page < pageCount; page++) {
    let text = "# HELP http_requests_total Requests by path.\n# TYPE http_requests_total counter\n";
    for (let s = 0; s < seriesCount; s++) {
      if (random() < 0.2) values[s]! += Math.floor(random() * 50);
      text += `http_requests_total{code="${200 + (s % 5)}",instance="10.0.${s % 251}.7:9090",path="/v1/items/${s}"} ${values[s]}\n`;
    }
    yield Buffer.from(text);
  }
}
