/**
 * Join tokens: what lets an instance in, once.
 *
 * Text: `<id>.<secret>.<ca>`, where
 * - `id` is `jt-` and 20 characters of a-z and 2-7: public, names the token in lists and logs;
 * - `secret` is 32 random bytes in base64url, 43 characters; only its SHA-256 is stored;
 * - `ca` is the SHA-256 of the bytes of the CA file that the agent must be served with, 64 hex digits, or `-`
 *   where no CA is pinned. The agent checks it with `sha256sum` before it trusts that file.
 *
 * The instance makes a key of its own before it joins (32 random bytes; any text of at most 128 ASCII characters) and
 * sends only the SHA-256 of that text. So a lost answer is harmless (same token, same key: the same answer
 * again) and a stolen token shows (other key: refused, and noted).
 */
import type { EpochMs, Grant } from "../model/instance.ts";

/** What a token allows: one instance of one service, at these addresses. */
export interface TokenBinding {
  readonly project: string;
  readonly service: string;
  readonly scope: string;
  /** The only instance that may use it; null where the platform did not know the id yet. */
  readonly instanceId: string | null;
  readonly grant: Grant;
  /** Labels that the instance gets when it was not announced. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A token as a store holds it: no secret in it. */
export interface JoinToken extends TokenBinding {
  readonly id: string;
  /** SHA-256 of the secret's text, 64 lower-case hex digits. */
  readonly secretHash: string;
  readonly createdAt: EpochMs;
  readonly expiresAt: EpochMs;
  readonly revokedAt: EpochMs | null;
  /** Set together, by the join that used it. */
  readonly usedAt: EpochMs | null;
  readonly usedBy: { readonly instanceId: string; readonly keyHash: string } | null;
}

/** The parts of a token's text. */
export interface JoinTokenText {
  readonly id: string;
  readonly secret: string;
  /** 64 hex digits; null where no CA is pinned. */
  readonly caHash: string | null;
}
