import { DeliveryError } from "@promferry/core/delivery";
import type { MetricFamily } from "@promferry/core/series";

export interface PutResult {
  /** Samples that the group now holds. */
  readonly accepted: number;
  readonly refused: readonly RefusedFamily[];
}

export interface RefusedFamily {
  readonly family: MetricFamily;
  /** The gateway's words. */
  readonly reason: string;
}

/** How {@link putAcceptable} speaks to one group. */
export interface GroupRequests {
  /** Replaces the group. */
  put(families: readonly MetricFamily[]): Promise<void>;
  /** Asks for nothing: pushes no families with POST. Whoever refuses this refuses the group, not its content. */
  probe(): Promise<void>;
}

/**
 * Replaces a group by as many of the families as the gateway takes. A refusal is atomic and does not
 * say which family is at fault, so the refused ones are found by halving; each is tried once alone
 * beside all that were taken before it.
 *
 * @throws {DeliveryError} `ERR_DELIVERY_REJECTED` when the gateway refuses even an empty push, and
 *   every other failure of a request.
 */
export async function putAcceptable(
  families: readonly MetricFamily[],
  requests: GroupRequests,
): Promise<PutResult> {
  const taken: MetricFamily[] = [];
  const refused: RefusedFamily[] = [];

  /** Puts `part` on top of what was taken; the refusal, if there was one. */
  const tryPart = async (part: readonly MetricFamily[]): Promise<DeliveryError | undefined> => {
    try {
      await requests.put([...taken, ...part]);
    } catch (error) {
      if (isRefusal(error)) return error;
      throw error;
    }
    taken.push(...part);
    return undefined;
  };
  const refuse = (family: MetricFamily, refusal: DeliveryError) =>
    void refused.push({ family, reason: refusal.message });
  const halve = async (part: readonly MetricFamily[]): Promise<void> => {
    const middle = part.length >> 1;
    for (const half of [part.slice(0, middle), part.slice(middle)]) {
      const refusal = await tryPart(half);
      if (!refusal) continue;
      if (half.length === 1) refuse(half[0]!, refusal);
      else await halve(half);
    }
  };

  const refusal = await tryPart(families);
  if (refusal) {
    await probeGroup(requests, refusal);
    if (families.length === 1) refuse(families[0]!, refusal);
    else await halve(families);
  }
  return { accepted: taken.reduce((sum, family) => sum + family.values.length, 0), refused };
}

async function probeGroup(requests: GroupRequests, refusal: DeliveryError): Promise<void> {
  try {
    await requests.probe();
  } catch (error) {
    throw isRefusal(error) ? refusal : error;
  }
}

function isRefusal(error: unknown): error is DeliveryError {
  return error instanceof DeliveryError && error.code === "ERR_DELIVERY_REJECTED";
}
