import { DeliveryError, type Destination } from "@promferry/core/delivery";
import type { EpochMs } from "@promferry/core/series";
import { hintOf, messageOf } from "./failure.ts";
import type { UploadFailure } from "./report.ts";
import type { ShipEvent } from "./ship-options.ts";

/** A destination, and whether its last attempt failed. */
export interface AttemptWatch {
  readonly destination: Destination;
  readonly failure: string | undefined;
  /** For what fails elsewhere than in an attempt. */
  fail(failure: Pick<UploadFailure, "message" | "hint">): void;
}

/** Tells when attempts begin to fail, and when they no longer do; refusals of single samples are no failure. */
export function watchDestination(
  inner: Destination,
  { now, tell }: { readonly now: () => EpochMs; readonly tell: (event: ShipEvent) => void },
): AttemptWatch {
  const { name, identity, keepsHistory, limits } = inner;
  let failure: string | undefined;
  let sinceMs = 0;
  const fail = ({ message, hint }: Pick<UploadFailure, "message" | "hint">) => {
    if (failure === undefined) sinceMs = now();
    if (failure !== message) tell({ kind: "failing", destination: name, message, hint });
    failure = message;
  };
  const recover = () => {
    if (failure !== undefined) tell({ kind: "recovered", destination: name, afterMs: now() - sinceMs });
    failure = undefined;
  };
  return {
    get failure() {
      return failure;
    },
    fail,
    destination: {
      name,
      identity,
      keepsHistory,
      limits,
      encode: (batch) => inner.encode(batch),
      async send(batch, options) {
        try {
          const receipt = await inner.send(batch, options);
          recover();
          return receipt;
        } catch (error) {
          const isAnswer =
            error instanceof DeliveryError &&
            (error.code === "ERR_DELIVERY_REJECTED" || error.code === "ERR_DELIVERY_TOO_LARGE");
          if (isAnswer) recover();
          else if (options?.signal?.aborted !== true)
            fail({ message: messageOf(error), hint: hintOf(error) });
          throw error;
        }
      },
    },
  };
}
