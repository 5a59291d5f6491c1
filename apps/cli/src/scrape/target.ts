import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";

/** A page to scrape, with the labels that its series get. */
export interface ScrapeTarget {
  readonly url: string;
  readonly job: string;
  /** Host and port as the user wrote them. */
  readonly instance: string;
}

/**
 * Reads what the user named: a URL, or `host:port` for `http://host:port/metrics`.
 *
 * @throws {CliError} Exit 2.
 */
export function parseTarget(text: string, job: string): ScrapeTarget {
  const spelled = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const fail = (what: string) =>
    new CliError(EXIT.usage, `${text.replace(/\/\/[^/@]*@/, "//…@")} can't be scraped: ${what}`, {
      hint: "name a page such as http://localhost:9100/metrics",
    });
  if (!URL.canParse(spelled)) throw fail("it is no URL");
  const url = new URL(spelled);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw fail("it is neither http:// nor https://");
  if (url.username || url.password) throw fail("a user name or password may not stand in it");
  url.hash = "";
  if (url.pathname === "/" && url.search === "") url.pathname = "/metrics";
  // `URL` leaves a default port out; Prometheus keeps the address as it was written.
  const instance = /^[a-z]+:\/\/([^/?#]+)/i.exec(spelled)?.[1] ?? url.host;
  return { url: url.href, job, instance };
}

/**
 * All targets of one run.
 *
 * @throws {CliError} Exit 2: two pages would get the same labels, and so the same series.
 */
export function parseTargets(texts: readonly string[], job: string): readonly ScrapeTarget[] {
  const targets = texts.map((text) => parseTarget(text, job));
  for (const [i, { instance }] of targets.entries()) {
    if (targets.findIndex((other) => other.instance === instance) === i) continue;
    throw new CliError(EXIT.usage, `two pages of ${instance} would be written under the same labels`, {
      hint: "scrape them in two runs, each with a --job of its own",
    });
  }
  return targets;
}
