import type { EpochMs } from "../model/instance.ts";
import { type JoinToken, sameHash } from "./join-token.ts";

/** What somebody shows who wants in. */
export interface Redemption {
  /** SHA-256 of the secret's text. */
  readonly secretHash: string;
  readonly instanceId: string;
  /** SHA-256 of the key that the instance made. */
  readonly keyHash: string;
}

/**
 * - `consumed`: let in; `token` is to be stored. `same-key`: let in before with this key; the answer got lost.
 * - Refused: `token-unknown` (also for a wrong secret), `token-revoked`, `token-expired`, `token-bound` (to another
 *   instance), `token-used` (by another key or instance: somebody has stolen it).
 */
export type Redeemed =
  | { readonly outcome: "consumed"; readonly token: JoinToken }
  | { readonly outcome: "same-key" }
  | {
      readonly outcome: "token-unknown" | "token-revoked" | "token-expired" | "token-bound" | "token-used";
    };

/**
 * Decides on one use of a token.
 *
 * The replay with the same key also holds after the token's time: the instance may hear of its success late.
 * The end of a token is the first instant at which it is refused.
 */
export function redeemToken(token: JoinToken | undefined, redemption: Redemption, now: EpochMs): Redeemed {
  const { secretHash, instanceId, keyHash } = redemption;
  if (token === undefined || !sameHash(token.secretHash, secretHash)) return { outcome: "token-unknown" };
  if (token.usedBy !== null) {
    const same = token.usedBy.instanceId === instanceId && sameHash(token.usedBy.keyHash, keyHash);
    return { outcome: same ? "same-key" : "token-used" };
  }
  if (token.revokedAt !== null) return { outcome: "token-revoked" };
  if (now >= token.expiresAt) return { outcome: "token-expired" };
  if (token.instanceId !== null && token.instanceId !== instanceId) return { outcome: "token-bound" };
  return { outcome: "consumed", token: { ...token, usedAt: now, usedBy: { instanceId, keyHash } } };
}
