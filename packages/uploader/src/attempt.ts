import {
  type Batch,
  DeliveryError,
  type Destination,
  type Receipt,
  type RetryOptions,
  withRetry,
} from "@promferry/core/delivery";
import { fittingReceipt } from "./fitting-receipt.ts";

/** What became of one request. */
export type Outcome =
  | { readonly kind: "answered"; readonly receipt: Receipt; readonly doubted: boolean }
  /**
   * `too-large`: nothing as large again. `refused`: the receiver does not take the batch as it is.
   * `failing`: it answers with the same server error time and again.
   */
  | {
      readonly kind: "too-large" | "refused" | "failing";
      readonly error: DeliveryError;
      /** The receiver's words. */
      readonly reason: string;
      /** Nothing is to be sent before. */
      readonly waitMs: number;
      readonly doubted: boolean;
    };

/** Why a destination gets nothing more in this upload. */
export class DeliveryStopped extends Error {
  override readonly name = "DeliveryStopped";
  /** Whether the receiver may have the request that it stopped at. */
  readonly doubted: boolean;

  constructor(cause: unknown, doubted: boolean) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.doubted = doubted;
  }
}

export interface AttemptOptions {
  readonly retry: RetryOptions;
  /** Called before each attempt; a rejection stops the delivery. */
  readonly beforeAttempt: () => Promise<void>;
  /** How often the same server error is taken for one that passes. */
  readonly patience: number;
  /** Tries again after so long, in milliseconds, where the settings have to be corrected first. Default: it stops. */
  readonly patientMs?: number;
}

/** 502, 503 and 504 come from a server or a proxy that is down, whatever the batch. */
const OUTAGES = new Set([502, 503, 504]);
const OVERLOAD_WAIT_MS = 1000;

/**
 * Sends one batch until there is an answer to act on.
 *
 * @throws {DeliveryStopped} No batch will be taken now.
 */
export async function attempt(
  destination: Destination,
  batch: Batch,
  { retry, beforeAttempt, patience, patientMs }: AttemptOptions,
): Promise<Outcome> {
  const { signal } = retry;
  let overloads = 0;
  let failures = 0;
  let lastFailure = "";
  let doubted = false;
  try {
    return await withRetry<Outcome>(async (n) => {
      await beforeAttempt();
      try {
        const receipt = await destination.send(batch, { attempt: n, ...(signal && { signal }) });
        return { kind: "answered", receipt: fittingReceipt(receipt, batch.sampleCount), doubted };
      } catch (error) {
        if (!(error instanceof DeliveryError) || error.inDoubt) doubted = true;
        if (!(error instanceof DeliveryError)) throw error;
        const { code, status = 0, message: reason, retryAfterMs = 0 } = error;
        if (code === "ERR_DELIVERY_REJECTED") return { kind: "refused", error, reason, waitMs: 0, doubted };
        if (code === "ERR_DELIVERY_TOO_LARGE")
          return { kind: "too-large", error, reason, waitMs: 0, doubted };
        if (status === 429 && ++overloads === 2 && batch.sampleCount > 1) {
          const waitMs = Math.max(OVERLOAD_WAIT_MS, retryAfterMs);
          return { kind: "too-large", error, reason, waitMs, doubted };
        }
        if (
          patientMs !== undefined &&
          (code === "ERR_DELIVERY_UNAUTHORIZED" || code === "ERR_DELIVERY_MISCONFIGURED")
        ) {
          throw new DeliveryError("ERR_DELIVERY_OVERLOADED", reason, {
            retryAfterMs: patientMs,
            cause: error,
          });
        }
        if (status >= 500 && !OUTAGES.has(status)) {
          const failure = `${status} ${reason}`;
          failures = failure === lastFailure ? failures + 1 : 1;
          lastFailure = failure;
          if (failures >= patience) return { kind: "failing", error, reason, waitMs: 0, doubted };
        }
        throw error;
      }
    }, retry);
  } catch (error) {
    throw new DeliveryStopped(error, doubted);
  }
}
