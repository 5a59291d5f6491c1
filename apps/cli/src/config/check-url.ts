/** Whether `hostname`, as `URL` spells it, is this very machine. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\./.test(hostname)
  );
}

/** What is wrong with a destination's URL, or `undefined`. Variables must be expanded. */
export function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text))
    return `expected a URL such as https://host/path, got ${JSON.stringify(text.slice(0, 60))}`;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `expected http:// or https://, got ${url.protocol}//`;
  }
  if (url.username || url.password) return "user and password do not belong into the URL; put them into auth";
  if (url.hash) return "a URL with # can't be sent to";
  return undefined;
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
