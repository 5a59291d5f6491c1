import { gzipSync } from "node:zlib";
import type { EncodedRequest } from "@promferry/core/delivery";
import type { MetricFamily } from "@promferry/core/series";
import { writePrometheusText } from "@promferry/core/text-format";

export interface BodyOptions {
  readonly gzip: boolean;
}

/**
 * Headers and body that carry families to a Pushgateway; no families are an empty body.
 *
 * @param families Without timestamps.
 */
export function pushBody(
  families: readonly MetricFamily[],
  { gzip }: BodyOptions,
): Pick<EncodedRequest, "headers" | "body"> {
  const text = Buffer.from(writePrometheusText(families));
  const headers = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" };
  if (!gzip || text.length === 0) return { headers, body: text };
  return { headers: { ...headers, "Content-Encoding": "gzip" }, body: gzipSync(text) };
}
