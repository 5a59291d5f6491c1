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

export interface NetworkFailure {
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
  if (TLS_FAILURE.test(code)) {
    return {
      reason,
      advice: "check the TLS settings (ca_file, client certificate) and the scheme of url",
      inDoubt: false,
    };
  }
  if (NEVER_CONNECTED.has(code) || syscall === "connect") {
    return {
      reason,
      advice: "check url, the proxy settings, and that the receiver is running",
      inDoubt: false,
    };
  }
  return { reason, advice: "it is not known whether the request was taken", inDoubt: true };
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
