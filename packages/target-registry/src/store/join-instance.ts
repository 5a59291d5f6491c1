import { outsideGrant } from "../model/endpoints.ts";
import type { JoinEvent } from "../states/events.ts";
import { redeemToken } from "../tokens/redeem.ts";
import { type ApplyOptions, applyEvent } from "./apply-event.ts";
import type { Cause, Joined, JoinRequest } from "./target-store.ts";
import type { StoreTransaction } from "./transaction.ts";

/**
 * Redeems a token and lets its instance in, inside a transaction.
 *
 * A refusal leaves the token as it was; the misuse of a used one is noted in the history of the instance that used it.
 * Used by every engine.
 */
export async function joinInstance(
  tx: StoreTransaction,
  request: JoinRequest,
  cause: Cause,
  options: ApplyOptions,
): Promise<Joined> {
  const { instanceId, keyHash, bootId, endpoints, verified } = request;
  const token = await tx.token(request.tokenId);
  const redeemed = redeemToken(token, request, tx.now);
  if (redeemed.outcome === "same-key") {
    const again = await applyEvent(tx, instanceId, { type: "heartbeat", keyHash, bootId }, cause, options);
    if (!again.ok) return again;
    if (again.instance === undefined) return { ok: false, code: "unknown" };
    const change = again.change === "changed" ? "changed" : "replayed";
    return { ok: true, change, instance: again.instance, superseded: [] };
  }
  if (redeemed.outcome !== "consumed") {
    const victim = redeemed.outcome === "token-used" ? token?.usedBy?.instanceId : undefined;
    const rev = victim === undefined ? undefined : (await tx.instance(victim))?.rev;
    if (victim !== undefined && rev !== undefined) {
      const { actor, request: requestId } = cause;
      await tx.addHistory({
        at: tx.now,
        instanceId: victim,
        what: "token-misuse",
        actor,
        request: requestId ?? null,
        rev,
      });
    }
    return { ok: false, code: redeemed.outcome };
  }
  const { project, service, scope, grant, labels, instanceId: boundTo } = redeemed.token;
  if (outsideGrant(endpoints, grant) !== undefined) return { ok: false, code: "token-range" };
  const event: JoinEvent = {
    type: "join",
    spec: { id: instanceId, project, service, scope, liveness: "heartbeat", endpoints, labels },
    grant,
    bootId,
    keyHash,
    bound: boundTo !== null,
    verified,
  };
  const applied = await applyEvent(tx, instanceId, event, cause, options);
  if (!applied.ok) return applied;
  if (applied.instance === undefined) throw new Error(`instance ${instanceId}: expected one after a join`);
  await tx.putToken(redeemed.token);
  const change = applied.change === "created" ? "created" : "changed";
  return { ok: true, change, instance: applied.instance, superseded: applied.superseded };
}
