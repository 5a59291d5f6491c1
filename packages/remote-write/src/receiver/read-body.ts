import type { IncomingMessage } from "node:http";

/**
 * The whole body, or `undefined` when it is longer than `maxBytes`.
 *
 * What is too long is read on and dropped, up to four times the limit, so that the sender sees the
 * answer and not a broken connection; then the connection is cut.
 *
 * @param onTooLong Called once, when the body turns out too long.
 * @throws {Error} The sender went away.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  onTooLong: () => void,
): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let lengthBytes = 0;
  let tooLong = Number(request.headers["content-length"]) > maxBytes;
  if (tooLong) onTooLong();
  for await (const chunk of request as AsyncIterable<Buffer>) {
    lengthBytes += chunk.length;
    if (!tooLong && lengthBytes > maxBytes) {
      tooLong = true;
      chunks.length = 0;
      onTooLong();
    }
    if (!tooLong) chunks.push(chunk);
    else if (lengthBytes > 4 * maxBytes) request.destroy();
  }
  return tooLong ? undefined : Buffer.concat(chunks);
}
