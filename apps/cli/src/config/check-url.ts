/** Whether `hostname`, as `URL` spells it, is this very machine. Not every name that begins with `127.` is an address. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(?:\.\d+){1,3}$/.test(hostname)
  );
}

/** Whether credentials sent to this URL could be read on the way. */
export function wouldExposeCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === "http:" && !isLoopbackHost(url.hostname);
}

/** What to say, and what to do, where {@link wouldExposeCredentials}. */
export const EXPOSED_CREDENTIALS =
  "credentials would go over plain http, readable on the way; use https://, or say insecure: true";

/** The same, where nobody knows beforehand which servers get them. */
export const EXPOSED_CREDENTIALS_WARNING =
  "credentials go over plain http, readable on the way; better scheme: https";
