import { type Batch, DeliveryError, type Receipt, type SendOptions } from "@promferry/core/delivery";
import type { ProtocolVersion } from "../validation/label-problem.ts";
import type { OutcomeV2 } from "./request-v2.ts";

/** One attempt at sending a batch as 2.0. */
export interface AttemptV2 {
  /** `undefined` when nothing was left to send. */
  readonly outcome: OutcomeV2 | undefined;
  /** What became of the batch, unless the outcome is an error. */
  readonly receipt: Receipt;
}

/** Finds out by sending which version a receiver takes, and keeps to it. */
export interface AutoProtocol {
  /** The version that the next batch is sent in first. */
  current(): ProtocolVersion;
  send(batch: Batch, options?: SendOptions): Promise<Receipt>;
}

/**
 * Starts with 2.0. An answer that shows that the receiver does not know it sends the same batch as
 * 1.0, and all others from then on. A 400 shows it only as long as nothing has shown the contrary, and
 * only once the receiver has taken something as 1.0: the batch itself may have been at fault.
 *
 * @see Remote-Write 2.0, "2.x vs 1.x Compatibility"
 */
export function createAutoProtocol(
  sendV1: (batch: Batch, options?: SendOptions) => Promise<Receipt>,
  trySendV2: (batch: Batch, options?: SendOptions) => Promise<AttemptV2>,
): AutoProtocol {
  let known: ProtocolVersion | undefined;

  async function sendAgain(
    batch: Batch,
    options: SendOptions | undefined,
    refusal: DeliveryError,
  ): Promise<Receipt> {
    try {
      const receipt = await sendV1(batch, options);
      if (receipt.accepted > 0) known = 1;
      return receipt;
    } catch (error) {
      if (!(error instanceof DeliveryError) || error.status !== 415) throw error;
      // It takes 2.0 and nothing else, so the 400 was about the batch.
      known = 2;
      throw refusal;
    }
  }

  return {
    current: () => known ?? 2,
    async send(batch, options) {
      if (known === 1) return sendV1(batch, options);
      const { outcome, receipt } = await trySendV2(batch, options);
      if (!outcome) return receipt;
      const { knowsV2, error } = outcome;
      if (knowsV2 === "no") {
        known = 1;
        return sendV1(batch, options);
      }
      if (knowsV2 === "yes") known ??= 2;
      if (!error) return receipt;
      if (knowsV2 === "perhaps not" && known !== 2) return sendAgain(batch, options, error);
      throw error;
    },
  };
}
