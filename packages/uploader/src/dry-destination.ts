import type { Destination, EncodedRequest } from "@promferry/core/delivery";

/**
 * The destination with a `send` that only encodes: every request is shown, none is made, and all that the
 * destination itself would not keep out is taken.
 */
export function createDryDestination(
  destination: Destination,
  show: (request: EncodedRequest, samples: number) => void,
): Destination {
  const { name, identity, keepsHistory, limits } = destination;
  return {
    name,
    identity,
    keepsHistory,
    limits,
    encode: (batch) => destination.encode(batch),
    async send(batch) {
      const { requests, ...keptOut } = destination.encode(batch);
      const { refused, leftOut = [] } = keptOut;
      const accepted = [...refused, ...leftOut].reduce((left, { count }) => left - count, batch.sampleCount);
      for (const request of requests) show(request, accepted);
      return { accepted, unknown: 0, ...keptOut };
    },
  };
}
