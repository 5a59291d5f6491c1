/** How much of a body is read before the rest is dropped. */
const READ_LIMIT_BYTES = 64 * 1024;

/** How much of a body an error shows. */
const EXCERPT_LIMIT = 1024;

/**
 * The beginning of a reply's body as one line of text for people: control characters become blanks,
 * secrets are taken out, and at most 1,024 characters stay. Empty where there is no body, or where
 * it is cut off before its first byte.
 *
 * Reads the body to its end where that is near, so that the connection can be used again.
 */
export async function replyExcerpt(
  response: Response,
  redact: (text: string) => string = (text) => text,
): Promise<string> {
  const text = new TextDecoder().decode(await bodyStart(response));
  // Redacted before it is cut, or half a secret would stay.
  const line = redact(text.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")).trim();
  return line.length > EXCERPT_LIMIT ? `${line.slice(0, EXCERPT_LIMIT)}…` : line;
}

async function bodyStart(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  try {
    // Leaving the loop cancels the rest.
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      lengthBytes += chunk.byteLength;
      if (lengthBytes >= READ_LIMIT_BYTES) break;
    }
  } catch {
    // The status was all that mattered; what came of the body is shown.
  }
  return Buffer.concat(chunks);
}
