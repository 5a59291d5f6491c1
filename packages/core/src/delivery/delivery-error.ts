export type DeliveryErrorCode =
  | "ERR_DELIVERY_UNREACHABLE" // no reply came
  | "ERR_DELIVERY_OVERLOADED" // status 408, 429 or 5xx
  | "ERR_DELIVERY_UNAUTHORIZED" // status 401 or 403, or no credential could be had
  | "ERR_DELIVERY_MISCONFIGURED" // status 3xx, 404, 405, 407, 410 or 415: no batch will be taken
  | "ERR_DELIVERY_TOO_LARGE" // status 413: halve it
  | "ERR_DELIVERY_WITHHELD" // our own rules forbid to send it, or anything else with it
  | "ERR_DELIVERY_REJECTED"; // status 400 and the rest: this batch will never be taken as it is

export interface DeliveryErrorDetails {
  /** HTTP status, where a reply came. */
  readonly status?: number;
  /** How long the server asked to wait, in milliseconds, where it said so. */
  readonly retryAfterMs?: number;
  /** Whether the receiver may have stored the batch all the same. Default false. */
  readonly inDoubt?: boolean;
  readonly cause?: unknown;
}

/** Why a batch did not reach its destination. Branch on `code`, `retryable` or `inDoubt`. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  readonly code: DeliveryErrorCode;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly inDoubt: boolean;

  constructor(code: DeliveryErrorCode, message: string, details: DeliveryErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.inDoubt = details.inDoubt ?? false;
  }

  /** Whether sending the same batch later can succeed. */
  get retryable(): boolean {
    return this.code === "ERR_DELIVERY_UNREACHABLE" || this.code === "ERR_DELIVERY_OVERLOADED";
  }
}
