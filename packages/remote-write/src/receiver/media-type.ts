import { MESSAGE_V2 } from "../request-v2/schema.ts";
import type { ProtocolVersion } from "../validation/label-problem.ts";

/** The header fields that say what a body is. */
export interface BodyHeaders {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

/** The version that a body is of, or why it is none, in words for the sender. */
export type Negotiated = { readonly protocol: ProtocolVersion } | { readonly refusal: string };

const MESSAGE_V1 = "prometheus.WriteRequest";

/**
 * What the headers say of a body: remote write 1.0 or 2.0 in snappy's block format, or neither. An
 * absent header counts as the right one, of 1.0: some senders leave them out.
 *
 * The type of 2.0 is told from that of 1.0 however it is spelled. Receivers that overlook it read
 * the message as an empty one and answer 2xx.
 */
export function negotiate({ contentType, contentEncoding }: BodyHeaders): Negotiated {
  const messages = new Set<string>();
  if (contentType !== undefined) {
    const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim());
    if (type.toLowerCase() !== "application/x-protobuf") {
      return { refusal: `Content-Type must be application/x-protobuf, not ${quote(type)}` };
    }
    for (const parameter of parameters) {
      const match = /^proto\s*=\s*"?([^"]*)"?$/i.exec(parameter);
      if (match) messages.add(match[1]!);
    }
  }
  for (const message of messages) {
    if (message === MESSAGE_V1 || message === MESSAGE_V2) continue;
    return { refusal: `the message must be ${MESSAGE_V1} or ${MESSAGE_V2}, not ${quote(message)}` };
  }
  if (messages.size > 1) return { refusal: "Content-Type names two messages" };
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== "snappy") {
    return { refusal: `Content-Encoding must be snappy, not ${quote(contentEncoding)}` };
  }
  return { protocol: messages.has(MESSAGE_V2) ? 2 : 1 };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
