import { type Batch, DeliveryError, type Destination } from "@promferry/core/delivery";
import type { Projection } from "@promferry/core/merge";

export interface PrivacyGate {
  /** The projection, watched for what blocks. */
  watch(project: Projection): Projection;
  /**
   * The destination, which from then on takes nothing more, and batches as `clean` leaves them.
   *
   * @throws {DeliveryError} `ERR_DELIVERY_WITHHELD`
   */
  guard(destination: Destination, clean: (batch: Batch) => Batch): Destination;
  /** What blocked, in words; undefined where nothing did. */
  blockedBy(): string | undefined;
}

/** The gate in front of one destination: what is found in a series with the action `block` stops the upload. */
export function createPrivacyGate(): PrivacyGate {
  let blocked: string | undefined;
  return {
    blockedBy: () => blocked,
    watch: (project) => (series, context) => {
      const projected = project(series, context);
      if ("withheld" in projected && projected.blocks)
        blocked ??= blockedWords(context.family.name, projected.withheld);
      return projected;
    },
    guard(destination, clean) {
      const { name, identity, keepsHistory, limits } = destination;
      const pass = (batch: Batch): Batch => {
        if (blocked !== undefined) throw new DeliveryError("ERR_DELIVERY_WITHHELD", blocked);
        return clean(batch);
      };
      return {
        name,
        identity,
        keepsHistory,
        limits,
        encode: (batch) => destination.encode(pass(batch)),
        send: async (batch, options) => destination.send(pass(batch), options),
      };
    },
  };
}

function blockedWords(family: string, why: string): string {
  const named = why.startsWith("its name") ? "a metric" : `of the metric ${family}`;
  return `the privacy gate stopped the upload: ${named} ${why}, and metrics.scan says block`;
}
