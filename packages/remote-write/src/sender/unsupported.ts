import { DeliveryError } from "@promferry/core/delivery";
import type { ProtocolVersion } from "../validation/label-problem.ts";

/** What to do when a receiver does not take this version. */
export const ADVICE: Readonly<Record<ProtocolVersion, string>> = {
  1: "set protocol to 2 if it is a receiver of remote write at all",
  2: "set protocol to 1, or to auto",
};

/** A 415 is about the version, so no batch will be taken; any other error stays as it is. */
export function explainUnsupported(error: unknown, protocol: ProtocolVersion): unknown {
  if (!(error instanceof DeliveryError) || error.status !== 415) return error;
  const message = `${error.message}; it does not take remote write ${protocol}.0, ${ADVICE[protocol]}`;
  return new DeliveryError("ERR_DELIVERY_MISCONFIGURED", message, { status: 415, cause: error });
}
