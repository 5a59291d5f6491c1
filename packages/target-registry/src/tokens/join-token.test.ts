import fc from "fast-check";
import { expect, test } from "vitest";
import { caHashOf, hashSecret, mintJoinToken, parseJoinToken, type TokenBinding } from "./join-token.ts";
import { redeemToken } from "./redeem.ts";

const BINDING: TokenBinding = {
  project: "p-1",
  service: "s-1",
  scope: "default",
  instanceId: null,
  grant: { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] },
  labels: {},
};

test("a token's text has its three parts, and what is stored has no secret", () => {
  const caHash = caHashOf(Buffer.from("-----BEGIN CERTIFICATE-----\n"));
  const { token, text } = mintJoinToken(BINDING, { now: 1_000, ttlMs: 60_000, caHash });
  const parts = parseJoinToken(text)!;
  expect(parts).toEqual({ id: token.id, secret: text.split(".")[1], caHash });
  expect(hashSecret(parts.secret)).toBe(token.secretHash);
  expect(JSON.stringify(token)).not.toContain(parts.secret);
  expect(token).toMatchObject({
    ...BINDING,
    createdAt: 1_000,
    expiresAt: 61_000,
    usedAt: null,
    revokedAt: null,
  });
  expect(mintJoinToken(BINDING, { now: 0, ttlMs: 1 }).text).not.toBe(text);
});

test("hashes are what sha256sum prints", () => {
  // printf %s abc | sha256sum
  const printed = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(hashSecret("abc")).toBe(printed);
  expect(caHashOf(Buffer.from("abc"))).toBe(printed);
});

test("every minted token is read back, and nothing near it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 52, maxLength: 52 }), fc.nat(), fc.string(), (bytes, at, junk) => {
      let offset = 0;
      const randomBytes = (size: number): Uint8Array => {
        offset += size;
        return bytes.subarray(offset - size, offset);
      };
      const { token, text } = mintJoinToken(BINDING, { now: 0, ttlMs: 1, randomBytes });
      expect(parseJoinToken(text)).toMatchObject({ id: token.id, caHash: null });
      const cut = at % text.length;
      expect(parseJoinToken(text.slice(0, cut))).toBeUndefined();
      if (junk !== "") expect(parseJoinToken(text + junk)).toBeUndefined();
    }),
    { numRuns: 100 },
  );
});

const { token: TOKEN, text } = mintJoinToken(BINDING, { now: 1_000, ttlMs: 1_000 });
const RIGHT = { secretHash: hashSecret(text.split(".")[1]!), instanceId: "i-1", keyHash: "a".repeat(64) };
const USED = { ...TOKEN, usedAt: 1_500, usedBy: { instanceId: "i-1", keyHash: RIGHT.keyHash } };

for (const { name, token, redemption = {}, now = 1_500, outcome } of [
  { name: "an unused token", token: TOKEN, outcome: "consumed" },
  { name: "no token", token: undefined, outcome: "token-unknown" },
  {
    name: "another secret",
    token: TOKEN,
    redemption: { secretHash: "b".repeat(64) },
    outcome: "token-unknown",
  },
  {
    name: "a secret that is no hash",
    token: TOKEN,
    redemption: { secretHash: "" },
    outcome: "token-unknown",
  },
  { name: "the last instant", token: TOKEN, now: 1_999, outcome: "consumed" },
  { name: "its end", token: TOKEN, now: 2_000, outcome: "token-expired" },
  { name: "a revoked token", token: { ...TOKEN, revokedAt: 1_400 }, outcome: "token-revoked" },
  { name: "a bound token", token: { ...TOKEN, instanceId: "i-1" }, outcome: "consumed" },
  { name: "a token bound to another", token: { ...TOKEN, instanceId: "i-2" }, outcome: "token-bound" },
  { name: "the same key again", token: USED, outcome: "same-key" },
  { name: "the same key after its end", token: USED, now: 9_000, outcome: "same-key" },
  { name: "another key", token: USED, redemption: { keyHash: "c".repeat(64) }, outcome: "token-used" },
  {
    name: "the same key for another instance",
    token: USED,
    redemption: { instanceId: "i-2" },
    outcome: "token-used",
  },
  {
    name: "another secret on a used token",
    token: USED,
    redemption: { secretHash: "b".repeat(64) },
    outcome: "token-unknown",
  },
]) {
  test(`redeeming ${name} gives ${outcome}`, () => {
    const redeemed = redeemToken(token, { ...RIGHT, ...redemption }, now);
    expect(redeemed.outcome).toBe(outcome);
    if (redeemed.outcome === "consumed") {
      expect(redeemed.token).toEqual({
        ...token,
        usedAt: now,
        usedBy: { instanceId: "i-1", keyHash: RIGHT.keyHash },
      });
    }
  });
}
