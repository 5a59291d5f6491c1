import type { ExpositionFormat } from "@promferry/core/text-format";

/** How a page may be written. */
export type PageFormat = Extract<ExpositionFormat, "scrape" | "openmetrics">;

interface Offer {
  readonly format: PageFormat;
  /** For `Accept`, without its weight. */
  readonly mediaType: string;
  readonly contentType: RegExp;
}

/** The dearest first. */
const OFFERS: readonly Offer[] = [
  {
    format: "openmetrics",
    mediaType: "application/openmetrics-text;version=1.0.0",
    contentType: /^application\/openmetrics-text\b/i,
  },
  { format: "scrape", mediaType: "text/plain;version=0.0.4", contentType: /^text\/plain\b/i },
];

/** What the `Accept` header says; `textOnly` leaves all but the text format out. */
export function acceptHeader(textOnly: boolean): string {
  const offers = OFFERS.filter(({ format }) => !textOnly || format === "scrape");
  const weighted = offers.map(({ mediaType }, i) => `${mediaType};q=0.${4 + offers.length - i}`);
  return [...weighted, "*/*;q=0.1"].join(",");
}

/** The format of a page by its `Content-Type`. What is not known is taken for the text format. */
export function pageFormat(contentType: string): PageFormat {
  return OFFERS.find((offer) => offer.contentType.test(contentType))?.format ?? "scrape";
}
