import { createHash } from "node:crypto";

/**
 * Reads the URL of a destination. Messages show at most the host: the rest may hold secrets.
 *
 * @throws {TypeError} Not http or https, or with a user name or password in it.
 */
export function parseEndpoint(url: string): URL {
  let endpoint: URL;
  try {
    endpoint = new URL(url);
  } catch {
    // The platform's own error carries the input.
    throw new TypeError("url is no absolute URL, such as https://metrics.example.com/push");
  }
  if (endpoint.protocol !== "http:" && endpoint.protocol !== "https:") {
    throw new TypeError(`url must begin with http:// or https://, not ${endpoint.protocol}`);
  }
  if (endpoint.username !== "" || endpoint.password !== "") {
    throw new TypeError(`url for ${endpoint.host} holds a user name or password; use the setting auth`);
  }
  endpoint.hash = "";
  return endpoint;
}

/**
 * The URL as a part of {@link Destination.identity}: with a digest in the place of its query, which
 * may hold a token.
 */
export function endpointIdentity(endpoint: URL): string {
  const address = `${endpoint.origin}${endpoint.pathname}`;
  if (endpoint.search === "") return address;
  return `${address}?sha256=${createHash("sha256").update(endpoint.search).digest("hex").slice(0, 16)}`;
}
