import { parseExposition, writePrometheusText } from "@promferry/core/text-format";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import type { Comparison } from "../case.ts";
import { k1Families, SERIES_COUNT } from "../k1-day.ts";

const page = writePrometheusText(k1Families(1));
const bytes = new TextEncoder().encode(page);

/** Parsing one page of 2,000 series, text in memory. */
export const parsePage: Comparison = {
  name: "text-format/parse-2k",
  ours: { ops: SERIES_COUNT, run: () => parseExposition(bytes, { format: "prometheus" }) },
  peers: {
    "parse-prometheus-text-format": { ops: SERIES_COUNT, run: () => parsePrometheusTextFormat(page) },
  },
};
