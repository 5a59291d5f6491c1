import { createHash } from "node:crypto";
import type { TargetStore } from "@promferry/target-registry/store";
import { ProblemError } from "./problem.ts";

export const idempotencyHeader = {
  type: "object",
  properties: { "idempotency-key": { type: "string", pattern: "^[!-~]{1,200}$" } },
} as const;

/** One call that mints a secret. */
export interface Minting<T> {
  /** Who calls: keys of two callers never meet. */
  readonly actor: string;
  readonly key: string | undefined;
  /** Route and body: the same key with another one is refused. */
  readonly request: unknown;
  readonly mint: () => Promise<{ readonly tokenId: string; readonly value: T }>;
  /** Makes the token of an earlier answer worthless. */
  readonly revoke: (tokenId: string) => Promise<unknown>;
}

/**
 * Mints once for each key: a repeated call revokes what the first one made, whose answer got lost, and mints anew.
 *
 * Only a token's id is stored, never its secret, so the first answer can't be given again.
 *
 * @throws {ProblemError} `idempotency_running`, `idempotency_mismatch`; and whatever `mint` throws, which leaves the key free.
 */
export async function mintIdempotently<T>(
  store: TargetStore,
  { actor, key: text, request, mint, revoke }: Minting<T>,
): Promise<{ readonly value: T; readonly replayed: boolean }> {
  if (text === undefined) return { value: (await mint()).value, replayed: false };
  const key = { actor, key: text };
  const hash = createHash("sha256").update(JSON.stringify(request)).digest("hex");
  const outcome = await store.beginIdempotent(key, hash);
  if (outcome.state === "mismatch") {
    throw new ProblemError("idempotency_mismatch", "expected the body that the key was first used with");
  }
  if (outcome.state === "running") {
    throw new ProblemError("idempotency_running", "the first call has not ended", { retryAfter: 1 });
  }
  const replayed = outcome.state === "done";
  try {
    if (outcome.state === "done") await revoke(outcome.answer.body);
    const { tokenId, value } = await mint();
    await store.finishIdempotent(key, { status: 201, body: tokenId });
    return { value, replayed };
  } catch (error) {
    // A key that is done stays so: its token is revoked, and the next try mints.
    if (!replayed) await store.finishIdempotent(key, null).catch(() => {});
    throw error;
  }
}
