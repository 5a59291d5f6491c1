import type { Instance, InstanceSpec } from "../model/instance.ts";
import { claimsOf, settleClaims } from "../states/claims.ts";
import { decide } from "../states/decide.ts";
import type { AnyEvent, ChangeReason } from "../states/events.ts";
import type { Timings } from "../states/timings.ts";
import type { JoinToken } from "../tokens/join-token.ts";
import type { Applied, Cause, Heartbeat, RenewOutcome } from "./target-store.ts";
import type { StoreTransaction } from "./transaction.ts";

export interface ApplyOptions {
  readonly timings: Timings;
  readonly instancesPerProject: number;
  /** See `TargetStore.apply`. */
  readonly ifRev?: number;
}

/**
 * Applies one event inside a transaction: the decision, the claims, the history.
 *
 * A refusal has written nothing, so the transaction may commit. Used by every engine.
 */
export async function applyEvent(
  tx: StoreTransaction,
  id: string,
  event: AnyEvent,
  cause: Cause,
  options: ApplyOptions,
): Promise<Applied> {
  const { timings, instancesPerProject: limit, ifRev } = options;
  const current = await tx.instance(id);
  const rev = current?.rev ?? 0;
  if (ifRev !== undefined && ifRev !== rev) return { ok: false, code: "rev-mismatch", rev };

  const decision = decide(current, event, tx.now, timings);
  if (decision.outcome === "refused") return { ok: false, code: decision.code };
  if (event.type === "remove") await revokeOpenTokens(tx, id);
  if (decision.outcome === "unchanged") {
    return { ok: true, change: "unchanged", instance: decision.instance, superseded: [] };
  }
  if (decision.outcome === "purged") {
    await tx.deleteInstance(id);
    return { ok: true, change: "changed", instance: undefined, superseded: [] };
  }
  const next = decision.instance;
  if (decision.outcome === "renewed") {
    await tx.putInstance(next);
    if (decision.rebooted) await addHistory(tx, next, "rebooted", cause);
    return { ok: true, change: "renewed", instance: next, superseded: [] };
  }

  const enters = next.state !== "removed" && (current === undefined || current.state === "removed");
  if (enters && (await tx.countInstances(next.project)) >= limit) return { ok: false, code: "quota", limit };

  const wanted = claimsOf(next);
  const owners = await otherOwners(tx, id, wanted);
  const settlement = settleClaims(wanted, owners, event);
  if (settlement.outcome === "taken") {
    const target = settlement.key.slice(next.scope.length + 1);
    return { ok: false, code: "address-taken", target, owner: settlement.owner };
  }
  for (const owner of settlement.superseded) await supersede(tx, owner, cause, timings);
  const instance = await store(tx, next, decision.reason, cause);
  await tx.setClaims(id, wanted);
  const change = current === undefined ? "created" : "changed";
  return { ok: true, change, instance, superseded: settlement.superseded };
}

/** One heartbeat of a batch, for what the engine does not renew by a statement of its own. */
export async function renewInstance(
  tx: StoreTransaction,
  { id, bootId, keyHash }: Heartbeat,
  options: ApplyOptions,
): Promise<RenewOutcome> {
  const cause = { actor: `instance:${id}` };
  const applied = await applyEvent(tx, id, { type: "heartbeat", bootId, keyHash }, cause, options);
  if (applied.ok) return applied.change === "changed" ? "returned" : "renewed";
  if (applied.code === "rev-mismatch") throw new Error("expected no revision in a heartbeat");
  return applied.code;
}

/**
 * Adds a token, and announces its instance where there is one to announce.
 *
 * @throws {TypeError} When the token's id is taken.
 */
export async function addJoinToken(
  tx: StoreTransaction,
  token: JoinToken,
  cause: Cause,
  expected: InstanceSpec | undefined,
  options: ApplyOptions,
): Promise<Applied> {
  if ((await tx.token(token.id)) !== undefined) {
    throw new TypeError(`token ${token.id}: expected an id that no token has`);
  }
  const bound = token.instanceId === null ? undefined : await tx.instance(token.instanceId);
  if (bound?.removedBy === "platform") return { ok: false, code: "removed" };
  const applied: Applied =
    expected === undefined
      ? { ok: true, change: "unchanged", instance: bound, superseded: [] }
      : await applyEvent(
          tx,
          expected.id,
          { type: "expect", spec: expected, grant: token.grant },
          cause,
          options,
        );
  if (applied.ok) await tx.putToken(token);
  return applied;
}

async function otherOwners(
  tx: StoreTransaction,
  id: string,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, Instance>> {
  const owners = new Map<string, Instance>();
  if (wanted.length === 0) return owners;
  for (const [key, owner] of await tx.claimOwners(wanted)) {
    if (owner === id) continue;
    const instance = await tx.instance(owner);
    if (instance !== undefined) owners.set(key, instance);
  }
  return owners;
}

async function supersede(tx: StoreTransaction, id: string, cause: Cause, timings: Timings): Promise<void> {
  const decision = decide(await tx.instance(id), { type: "supersede" }, tx.now, timings);
  if (decision.outcome !== "changed") throw new Error(`instance ${id}: expected an owner of an address`);
  await store(tx, decision.instance, decision.reason, cause);
  await tx.setClaims(id, []);
}

async function store(
  tx: StoreTransaction,
  next: Instance,
  reason: ChangeReason,
  cause: Cause,
): Promise<Instance> {
  const instance = { ...next, rev: await tx.nextRev() };
  await tx.putInstance(instance);
  await addHistory(tx, instance, reason, cause);
  return instance;
}

async function addHistory(
  tx: StoreTransaction,
  { id, rev }: Instance,
  what: ChangeReason | "rebooted",
  { actor, request }: Cause,
): Promise<void> {
  await tx.addHistory({ at: tx.now, instanceId: id, what, actor, request: request ?? null, rev });
}

/** A token for an instance that the platform deleted before it joined must not bring it to life. */
async function revokeOpenTokens(tx: StoreTransaction, id: string): Promise<void> {
  for (const token of await tx.openTokens(id)) await tx.putToken({ ...token, revokedAt: tx.now });
}
