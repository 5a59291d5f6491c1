import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import {
  DeliveryError,
  type EncodedRequest,
  type HttpOptions,
  type Reply,
  sendRequest,
} from "@promferry/core/delivery";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { Check, Checker } from "./check.ts";

/** Whether the host of `url` has an address; `undefined` for an address as it stands. */
export async function nameCheck({ ok, failed }: Checker, url: string): Promise<Check | undefined> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return undefined;
  try {
    const found = await lookup(host, { all: true });
    return ok("name", `${host} is ${found.map(({ address }) => address).join(", ")}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return failed(
      "name",
      `${host} has no address (${code})`,
      "check the url's host, and this machine's name servers",
      EXIT.unavailable,
    );
  }
}

/** An answer to a request that carries no data, or what stood in its way. */
export type Reached =
  | { readonly reply: Reply; readonly tookMs: number }
  | { readonly failure: Check; readonly status: number | undefined };

/**
 * Sends a request that changes nothing, and tells what an answer other than 2xx means.
 */
export async function reach(
  checks: Checker,
  request: EncodedRequest,
  http: HttpOptions,
  now: () => number,
): Promise<Reached> {
  const start = now();
  try {
    return { reply: await sendRequest(request, http), tookMs: now() - start };
  } catch (error) {
    const status = error instanceof DeliveryError ? error.status : undefined;
    return { failure: failureOf(checks, error), status };
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ERR_DELIVERY_UNREACHABLE:
    "check the url's host and port, the proxy (HTTPS_PROXY, NO_PROXY), tls.ca_file, and that the server runs",
  ERR_DELIVERY_OVERLOADED: "the server can't answer now: try again later, or look at its log",
  ERR_DELIVERY_UNAUTHORIZED:
    "check auth and tenant of this destination, and what the server allows that user",
  ERR_DELIVERY_MISCONFIGURED:
    "check the url: scheme, port and path; a Prometheus takes remote write only with --web.enable-remote-write-receiver",
  ERR_DELIVERY_TOO_LARGE: "the server refuses even an empty request: look at what stands in front of it",
  ERR_DELIVERY_REJECTED: "the server refuses this form: check type, url and protocol",
};

function failureOf({ failed }: Checker, error: unknown): Check {
  const cause = error instanceof DeliveryError ? error.cause : undefined;
  if (cause instanceof CliError) {
    return failed(
      "credentials",
      cause.message,
      cause.hint ?? "run the secret's command by hand",
      cause.exitCode,
    );
  }
  if (error instanceof CliError) {
    return failed("credentials", error.message, error.hint ?? "correct the configuration", error.exitCode);
  }
  if (!(error instanceof DeliveryError)) throw error;
  const { code, message } = error;
  const advice = ADVICE[code] ?? "look at the server's log";
  switch (code) {
    case "ERR_DELIVERY_UNAUTHORIZED":
      return failed("credentials", message, advice, EXIT.credentials);
    case "ERR_DELIVERY_UNREACHABLE":
    case "ERR_DELIVERY_OVERLOADED":
      return failed("answer", message, advice, EXIT.unavailable);
    default:
      return failed("answer", message, advice, EXIT.config);
  }
}

/** How far this machine's clock is from the server's, by the answer's `Date`, which has whole seconds. */
export function clockCheck(
  { ok, warning, unknown }: Checker,
  { reply }: { readonly reply: Reply },
  nowMs: number,
): Check {
  const date = Date.parse(reply.headers.get("date") ?? "");
  if (Number.isNaN(date)) return unknown("clock", "the answer has no date");
  const aheadSeconds = Math.round((nowMs - date) / 1000);
  if (Math.abs(aheadSeconds) <= 30)
    return ok("clock", `agrees with the server's within ${Math.max(1, Math.abs(aheadSeconds))} s`);
  const detail = `this machine's clock is ${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? "ahead of" : "behind"} the server's`;
  return warning(
    "clock",
    detail,
    "set this machine's clock: servers refuse samples more than 10 min ahead of theirs, and old ones",
  );
}
