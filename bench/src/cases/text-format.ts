import { Buffer } from "node:buffer";
import { createExpositionParser, parseExposition, writePrometheusText } from "@promferry/core/text-format";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import type { Comparison } from "../case.ts";
import { k1Day, SERIES_COUNT } from "../pages/k1-day.ts";

const pages = [...k1Day(10)].map((families) => Buffer.from(writePrometheusText(families)));
const first = pages[0]!;
const parser = createExpositionParser({ format: "prometheus" });

/** Parsing one page of 2,000 series that nobody has met before, bytes in memory. */
const parsePage: Comparison = {
  name: "text-format/parse-2k",
  ours: { ops: SERIES_COUNT, run: () => parseExposition(first, { format: "prometheus" }) },
  peers: {
    "parse-prometheus-text-format": {
      ops: SERIES_COUNT,
      run: () => parsePrometheusTextFormat(first.toString()),
    },
  },
};

/** Parsing ten pages of the same 2,000 series with one parser. */
const parsePagesAgain: Comparison = {
  name: "text-format/parse-2k-again",
  ours: { ops: SERIES_COUNT * pages.length, run: () => pages.map((page) => parser.parse(page).length) },
  peers: {
    "parse-prometheus-text-format": {
      ops: SERIES_COUNT * pages.length,
      run: () => pages.map((page) => parsePrometheusTextFormat(page.toString()).length),
    },
  },
};

export const parsePages: readonly Comparison[] = [parsePage, parsePagesAgain];
