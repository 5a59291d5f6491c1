/**
 * Requests, their durations and errors, from the first of these that an instance has: Caddy's metrics, the application's
 * `http_requests_total`, its `http_request_duration_seconds`.
 *
 * Caddy counts a request in each handler that it passes. The outermost sees all of them, so the greatest count of a
 * server is taken.
 */
import { ON_INSTANCE, type Terms } from "./promql.ts";

const CADDY = "caddy_http_request_duration_seconds";
const REQUESTS = "http_requests_total";
const DURATION = "http_request_duration_seconds";

/** What becomes of a counter: `rate(x[60s])`, `increase(x[1h])`. */
export type Over = (selector: string) => string;

/** Rate, or increase, of the requests of each instance. */
export function requestsOf(terms: Terms, over: Over): string {
  return firstOf([`${CADDY}_count`, REQUESTS, `${DURATION}_count`], (name) => counted(terms, over, name));
}

/** Of the requests whose status is known, under whichever label. */
export function requestsWithStatus(terms: Terms, over: Over): string {
  return firstOf([`${CADDY}_count`, REQUESTS, `${DURATION}_count`], (name) =>
    counted(terms, over, name, '!=""'),
  );
}

/** Of the requests that the server failed to answer: status 5xx. Absent where there was none. */
export function failedRequests(terms: Terms, over: Over): string {
  return firstOf(
    [`${CADDY}_count`, REQUESTS, `${DURATION}_count`],
    (name) => counted(terms, over, name, '=~"5.."'),
    (name) => counted(terms, over, name),
  );
}

/** Of the seconds that requests took, or of the number of those that were timed; with `le` of buckets. */
export function durationsOf(terms: Terms, over: Over, part: "sum" | "count" | "bucket"): string {
  return firstOf([`${CADDY}_${part}`, `${DURATION}_${part}`], (name) => counted(terms, over, name));
}

/** Selectors of whatever an instance counts its requests by. */
export function requestSelectors(terms: Terms): readonly string[] {
  return [`${CADDY}_count`, REQUESTS, `${DURATION}_count`].map((name) => terms.scraped("app", name));
}

/** Selectors of whatever it times them by. */
export function durationSelectors(terms: Terms, part: "count" | "bucket"): readonly string[] {
  return [`${CADDY}_${part}`, `${DURATION}_${part}`].map((name) => terms.scraped("app", name));
}

/** Labels by which servers and libraries tell the status. */
const STATUS_LABELS = ["code", "status", "status_code"];

function counted(terms: Terms, over: Over, name: string, status?: string): string {
  const matchers = status === undefined ? [[]] : STATUS_LABELS.map((label) => [`${label}${status}`]);
  const parts = matchers.map((matcher) => over(terms.scraped("app", name, ...matcher)));
  const all = parts.length === 1 ? parts[0]! : `(${parts.join(" or ")})`;
  // An instance may run several servers: each has an address of its own.
  const labels = ["instance", ...(name.endsWith("_bucket") ? ["le"] : [])];
  const each = (...more: readonly string[]): string =>
    `sum by (project_id, service_id, instance_id, ${[...labels, ...more].join(", ")}) (${all})`;
  if (!name.startsWith(CADDY)) return each();
  return `max by (project_id, service_id, instance_id, ${labels.join(", ")}) (${each("handler")})`;
}

/** For each instance what `of` gives for the first name that it has; `has` says whether it does, default `of` itself. */
function firstOf(
  names: readonly string[],
  of: (name: string) => string,
  has: (name: string) => string = of,
): string {
  const earlier: string[] = [];
  return names
    .map((name) => {
      const expr = of(name);
      const part = earlier.length === 0 ? expr : `(${expr} unless ${ON_INSTANCE} (${earlier.join(" or ")}))`;
      earlier.push(has(name));
      return part;
    })
    .join(" or ");
}
