import { request } from "node:http";
import type { Destination } from "@promferry/core/delivery";
import { samplesOf } from "./receiver-memory.ts";

/** The receiver of the process that started this one; the same destination in whatever child. `around` may fail, or end the process. */
export function postDestination(
  url: string,
  around: (work: () => Promise<void>) => Promise<void> = (work) => work(),
): Destination {
  return {
    name: "parent",
    identity: "the process that started this one",
    keepsHistory: true,
    limits: { maxSamples: 40, maxBytes: 3_000_000 },
    encode: () => ({ requests: [], refused: [] }),
    async send(batch) {
      await around(() => post(url, JSON.stringify(samplesOf(batch))));
      return { accepted: batch.sampleCount, refused: [], unknown: 0 };
    },
  };
}

async function post(url: string, body: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const sent = request(url, { method: "POST", agent: false }, (response) => {
      response.resume().once("end", resolve);
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
