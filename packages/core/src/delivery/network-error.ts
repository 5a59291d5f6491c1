import type { DeliveryErrorCode } from "./delivery-error.ts";

/** System and client errors before a connection stood: the receiver has seen nothing of the request. */
const NEVER_CONNECTED = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Codes of Node's TLS layer and of OpenSSL's certificate checks. */
const TLS_FAILURE =
  /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$)/;

/** Node's words for a connection that ended within the handshake; its code is the general ECONNRESET. */
const TLS_CUT = "before secure TLS connection was established";

/** undici's words for a proxy that makes no tunnel. */
const NO_TUNNEL = /^Proxy response \(/;

export interface NetworkFailure {
  readonly code: Extract<DeliveryErrorCode, "ERR_DELIVERY_UNREACHABLE" | "ERR_DELIVERY_MISCONFIGURED">;
  /** One line for people: what happened and its code. */
  readonly reason: string;
  /** Which setting or circumstance to look at. */
  readonly advice: string;
  /** Whether the receiver may have got the request. */
  readonly inDoubt: boolean;
}

/** What a rejection of `fetch` means. */
export function classifyNetworkError(error: unknown): NetworkFailure {
  const { code, syscall, message } = rootCause(error);
  const reason = code === "" || message.includes(code) ? message : `${message} (${code})`;
  const unreachable = { code: "ERR_DELIVERY_UNREACHABLE", reason } as const;
  if (TLS_FAILURE.test(code) || message.includes(TLS_CUT)) {
    const advice = "check the TLS settings (ca_file, client certificate) and the scheme of url";
    return { ...unreachable, advice, inDoubt: false };
  }
  if (NEVER_CONNECTED.has(code) || syscall === "connect" || NO_TUNNEL.test(message)) {
    const advice = "check url, the proxy settings, and that the receiver is running";
    return { ...unreachable, advice, inDoubt: false };
  }
  // The words of `fetch` for the ports that it keeps away from; it has no code for them.
  if (message === "bad port") {
    const advice = "fetch connects to no port of another well-known protocol; check url";
    return { code: "ERR_DELIVERY_MISCONFIGURED", reason, advice, inDoubt: false };
  }
  return { ...unreachable, advice: "it is not known whether the request was taken", inDoubt: true };
}

/** `fetch` wraps the error of the socket, and an error for each address tried. */
function rootCause(error: unknown): { code: string; syscall: string; message: string } {
  let current = error;
  for (let depth = 0; depth < 8; depth++) {
    const inner =
      current instanceof AggregateError ? current.errors[0] : (current as Error | undefined)?.cause;
    if (!(inner instanceof Error)) break;
    current = inner;
  }
  if (!(current instanceof Error)) return { code: "", syscall: "", message: String(current) };
  const { code, syscall = "" } = current as NodeJS.ErrnoException;
  return { code: typeof code === "string" ? code : "", syscall, message: current.message };
}
