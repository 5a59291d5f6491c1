import type { HttpOptions } from "@promferry/core/delivery";

/** After a refusal or a failure, secrets are read or run again at most this often. */
const RETRY_MS = 60_000;

/** Forgets the secrets of `cache`, so that they are read or run anew; called again within a minute it does nothing. */
export function createForgetting(cache: Map<string, Promise<string>>, now: () => number): () => void {
  let forgottenMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = now();
    if (Math.abs(nowMs - forgottenMs) < RETRY_MS) return;
    forgottenMs = nowMs;
    cache.clear();
  };
}

/** The same credential, with its failures told. */
export function tellFailure(
  read: NonNullable<HttpOptions["authorization"]>,
  onRefused: () => void,
): NonNullable<HttpOptions["authorization"]> {
  return async () => {
    try {
      return await read();
    } catch (error) {
      onRefused();
      throw error;
    }
  };
}

/** The same `fetch`, with answers told that say that the credential is not good (401, 403). */
export function tellRefusal(inner: typeof fetch, onRefused: () => void): typeof fetch {
  return async (input, init) => {
    const answer = await inner(input, init);
    if (answer.status === 401 || answer.status === 403) onRefused();
    return answer;
  };
}
