import type { ExpositionFormat } from "@promferry/core/text-format";

/** How a page may be written. */
export type PageFormat = Extract<ExpositionFormat, "scrape" | "openmetrics"> | "protobuf";

interface Offer {
  readonly format: PageFormat;
  /** For `Accept`, without its weight. */
  readonly mediaType: string;
}

/**
 * The dearest first: protobuf is the one format that has native histograms. None says how names are to be escaped, so
 * that they come with underscores in each: remote write 1.0 has no place for others.
 *
 * @see Prometheus, "UTF-8 metric and label name escaping schemes"
 */
const OFFERS: readonly Offer[] = [
  {
    format: "protobuf",
    mediaType: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
  },
  { format: "openmetrics", mediaType: "application/openmetrics-text;version=1.0.0" },
  { format: "scrape", mediaType: "text/plain;version=0.0.4" },
];

/** What the `Accept` header says where these formats are wanted. */
export function acceptHeader(formats: readonly PageFormat[]): string {
  const offers = OFFERS.filter(({ format }) => formats.includes(format));
  const weighted = offers.map(({ mediaType }, i) => `${mediaType};q=0.${4 + offers.length - i}`);
  return [...weighted, "*/*;q=0.1"].join(",");
}

/**
 * The format of a page by its `Content-Type`; without one, the text format.
 *
 * @throws {Error} It is none of ours: mostly another page than the one with the metrics.
 */
export function pageFormat(contentType: string): PageFormat {
  const [mediaType = "", ...parameters] = contentType.split(";").map((part) => part.trim().toLowerCase());
  switch (mediaType) {
    case "":
    case "text/plain":
      return "scrape";
    case "application/openmetrics-text":
      return "openmetrics";
    case "application/vnd.google.protobuf":
      if (PROTOBUF_PARAMETERS.every((each) => parameters.includes(each))) return "protobuf";
  }
  throw new Error(
    `the page's Content-Type is ${JSON.stringify(contentType.slice(0, 200))}; expected text/plain, ` +
      "application/openmetrics-text, or protobuf's delimited io.prometheus.client.MetricFamily",
  );
}

const PROTOBUF_PARAMETERS = ["proto=io.prometheus.client.metricfamily", "encoding=delimited"];
