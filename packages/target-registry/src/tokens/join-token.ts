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
import { createHash, hash, randomBytes as nodeRandomBytes, timingSafeEqual } from "node:crypto";
import type { EpochMs, Grant } from "../model/instance.ts";

/** What a token allows: one instance of one service, at these addresses. */
export interface TokenBinding {
  readonly project: string;
  readonly service: string;
  readonly scope: string;
  /** The only instance that may use it; null where the platform did not know the id yet. */
  readonly instanceId: string | null;
  readonly grant: Grant;
  /** Labels that the instance gets when it has not joined yet; none: those that the platform has stated stay. */
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

/** A new token: what is stored, and the text that is shown once. */
export interface MintedToken {
  readonly token: JoinToken;
  readonly text: string;
}

export interface MintOptions {
  /** The store's time. */
  readonly now: EpochMs;
  /** 1 to 1,800,000; see `Timings.expectedMs`. */
  readonly ttlMs: number;
  /** From `caHashOf`. Default: none is pinned. */
  readonly caHash?: string;
  /** Default `node:crypto`. */
  readonly randomBytes?: (size: number) => Uint8Array;
}

const TEXT = /^(jt-[a-z2-7]{20})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64}|-)$/;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Makes a token for `binding`. */
export function mintJoinToken(binding: TokenBinding, options: MintOptions): MintedToken {
  const { now, ttlMs, caHash, randomBytes = nodeRandomBytes } = options;
  const id = `jt-${Array.from(randomBytes(20), (byte) => BASE32[byte % 32]).join("")}`;
  const secret = Buffer.from(randomBytes(32)).toString("base64url");
  const token: JoinToken = {
    ...binding,
    id,
    secretHash: hashSecret(secret),
    createdAt: now,
    expiresAt: now + ttlMs,
    revokedAt: null,
    usedAt: null,
    usedBy: null,
  };
  return { token, text: `${id}.${secret}.${caHash ?? "-"}` };
}

/** Reads a token's text; undefined when it is none. */
export function parseJoinToken(text: string): JoinTokenText | undefined {
  const [, id, secret, ca] = TEXT.exec(text) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return { id, secret, caHash: ca === undefined || ca === "-" ? null : ca };
}

/** SHA-256 of a token's secret, or of an instance's key, as text: 64 lower-case hex digits. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** What the third part of a token says of a CA file: the SHA-256 of its bytes, as `sha256sum` prints it. */
export function caHashOf(file: Uint8Array): string {
  return createHash("sha256").update(file).digest("hex");
}

/** Compares two hashes without telling by its time where they differ. */
export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
