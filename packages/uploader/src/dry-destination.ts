import type { Destination, EncodedRequest } from "@promferry/core/delivery";

/** The destination with a `send` that only encodes: every request is shown, none is made, all is taken. */
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
      for (const request of destination.encode(batch)) show(request, batch.sampleCount);
      return { accepted: batch.sampleCount, refused: [], unknown: 0 };
    },
  };
}
