/** The header fields that say what a body is. */
export interface BodyHeaders {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

/**
 * Why a body is no remote write 1.0 in snappy's block format, in words for the sender; `undefined`
 * when it may be. An absent header counts as the right one: some senders leave them out.
 *
 * The type of 2.0 is told from that of 1.0 however it is spelled. Receivers that overlook it read
 * the message as an empty one and answer 2xx.
 */
export function refuseMediaType({ contentType, contentEncoding }: BodyHeaders): string | undefined {
  if (contentType !== undefined) {
    const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim());
    if (type.toLowerCase() !== "application/x-protobuf") {
      return `Content-Type must be application/x-protobuf, not ${quote(type)}`;
    }
    for (const parameter of parameters) {
      const match = /^proto\s*=\s*"?([^"]*)"?$/i.exec(parameter);
      if (!match || match[1] === "prometheus.WriteRequest") continue;
      if (match[1] === "io.prometheus.write.v2.Request") {
        return "remote write 2.0 (io.prometheus.write.v2.Request) is not accepted, only 1.0 (prometheus.WriteRequest)";
      }
      return `the message must be prometheus.WriteRequest, not ${quote(match[1]!)}`;
    }
  }
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== "snappy") {
    return `Content-Encoding must be snappy, not ${quote(contentEncoding)}`;
  }
  return undefined;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
