import { claimKey, type Instance, isServed } from "../model/instance.ts";
import type { AnyEvent } from "./events.ts";

/**
 * - `granted`: the claims are the instance's from now on; `superseded` lose theirs, and are removed.
 * - `taken`: `target` belongs to `owner`, who keeps it; nothing may change.
 */
export type Settlement =
  | { readonly outcome: "granted"; readonly superseded: readonly string[] }
  | { readonly outcome: "taken"; readonly key: string; readonly owner: string };

/** The claims that an instance holds: one for each endpoint while it is served, none otherwise. */
export function claimsOf(instance: Instance): readonly string[] {
  if (!isServed(instance)) return [];
  return [...new Set(instance.endpoints.map((endpoint) => claimKey(instance.scope, endpoint)))].sort();
}

/**
 * Decides who has an address when an event makes an instance claim it.
 *
 * The platform's word (where it speaks for all projects), and a request that came from the address itself, take it from
 * anybody. Any other join or PUT
 * takes it only from an owner that is lost or draining: the address was given to another machine. A heartbeat
 * takes it from nobody: two instances that both believe in the address must not chase each other.
 *
 * @param owners Present owners of the wanted claims, the instance itself left out.
 */
export function settleClaims(
  wanted: readonly string[],
  owners: ReadonlyMap<string, Instance>,
  event: AnyEvent,
): Settlement {
  const superseded = new Set<string>();
  for (const key of wanted) {
    const owner = owners.get(key);
    if (owner === undefined) continue;
    if (!mayTake(event, owner)) return { outcome: "taken", key, owner: owner.id };
    superseded.add(owner.id);
  }
  return { outcome: "granted", superseded: [...superseded].sort() };
}

function mayTake(event: AnyEvent, owner: Instance): boolean {
  if (event.type === "platform-put") {
    return event.ownProjectOnly !== true || owner.project === event.spec.project;
  }
  if (event.type !== "join" && event.type !== "instance-put") return false;
  return event.verified || owner.state !== "active";
}
