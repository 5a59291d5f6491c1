/**
 * The life of an instance: a pure function from what it is and what happens to what it becomes.
 *
 * | state | heartbeat, own PUT, join | goodbye | deadline | platform removes |
 * | --- | --- | --- | --- | --- |
 * | (none) | active, by a join | – | – | – |
 * | expected | active, by a join | – | removed: never-joined | removed: platform |
 * | active | active | draining | lost | removed: platform |
 * | lost | active | draining | removed: lapsed | removed: platform |
 * | draining | active | draining | removed: drained | removed: platform |
 * | removed, not by the platform | active, if the addresses are free | – | purged | removed: platform |
 * | removed by the platform | refused | – | purged | – |
 *
 * Claims on addresses are not its matter: the store settles them for whatever state comes out (`settleClaims`).
 */
import { byEndpoint, outsideGrant } from "../model/endpoints.ts";
import type { EpochMs, Instance, InstanceSpec, RemovedBy } from "../model/instance.ts";
import { sameHash } from "../tokens/join-token.ts";
import type {
  AnyEvent,
  ChangeReason,
  Decision,
  ExpectEvent,
  JoinEvent,
  PlatformPutEvent,
  Refusal,
} from "./events.ts";
import type { Timings } from "./timings.ts";

/** What comes of `event` for `current`; undefined stands for an instance that the store does not know. */
export function decide(
  current: Instance | undefined,
  event: AnyEvent,
  now: EpochMs,
  timings: Timings,
): Decision {
  switch (event.type) {
    case "expect":
      return expectInstance(current, event, now, timings);
    case "platform-put":
      return platformPut(current, event, now, timings);
    case "join":
      return join(current, event, now, timings);
    case "instance-put": {
      const refusal = keyRefusal(current, event.keyHash, now, timings);
      if (refusal !== undefined || current === undefined) return refused(refusal ?? "unknown");
      if (outsideGrant(event.endpoints, current.grant) !== undefined) return refused("outside-grant");
      return live({ ...current, endpoints: [...event.endpoints].sort(byEndpoint) }, current, event.bootId, {
        now,
        timings,
      });
    }
    case "heartbeat": {
      const refusal = keyRefusal(current, event.keyHash, now, timings);
      if (refusal !== undefined || current === undefined) return refused(refusal ?? "unknown");
      return live(current, current, event.bootId, { now, timings });
    }
    case "drain": {
      const refusal = keyRefusal(current, event.keyHash, now, timings);
      // Gone is gone: saying goodbye twice, or to a service that gave it up, is no error.
      if (refusal === "removed" || refusal === "key-expired")
        return { outcome: "unchanged", instance: current };
      if (refusal !== undefined || current === undefined) return refused(refusal ?? "unknown");
      if (current.state === "draining" || current.state === "removed") {
        return { outcome: "unchanged", instance: current };
      }
      return changed(
        { ...current, state: "draining", stateSince: now, deadline: now + timings.drainMs, seenAt: now },
        "draining",
      );
    }
    case "remove":
      if (current === undefined || current.removedBy === "platform") {
        return { outcome: "unchanged", instance: current };
      }
      return remove(current, "platform", now, timings);
    case "lapse":
      return current === undefined ? refused("unknown") : lapse(current, now, timings);
    case "supersede":
      return current === undefined ? refused("unknown") : remove(current, "superseded", now, timings);
  }
}

interface Clock {
  readonly now: EpochMs;
  readonly timings: Timings;
}

function expectInstance(
  current: Instance | undefined,
  { type, spec, grant }: ExpectEvent | PlatformPutEvent,
  now: EpochMs,
  timings: Timings,
): Decision {
  const refusal = ownerRefusal(current, spec);
  if (refusal !== undefined) return refused(refusal);
  // What has a key of its own is past being announced: a new token changes nothing about it.
  if (current !== undefined && (current.keyHash !== null || current.state === "active")) {
    return { outcome: "unchanged", instance: current };
  }
  // A token that names no labels takes none away that the platform has stated.
  const says = type === "platform-put" || Object.keys(spec.labels).length > 0;
  const labels = says || current === undefined ? spec.labels : current.labels;
  const announced = newInstance({ ...spec, labels }, grant, current?.createdAt ?? now);
  return changed({ ...announced, stateSince: now, deadline: now + timings.expectedMs }, "announced");
}

function platformPut(
  current: Instance | undefined,
  event: PlatformPutEvent,
  now: EpochMs,
  timings: Timings,
): Decision {
  const { spec, grant } = event;
  const refusal = ownerRefusal(current, spec);
  if (refusal !== undefined) return refused(refusal);
  if (spec.liveness === "platform") return hold(current, event, now);
  if (current === undefined || (current.state === "removed" && current.keyHash === null)) {
    return expectInstance(current, event, now, timings);
  }
  const next = { ...current, ...spec, grant };
  if (current.liveness === "platform" && current.state === "active") {
    // From now on it has to show that it lives.
    return changed({ ...next, deadline: now + timings.leaseMs }, "updated");
  }
  return sameStatement(current, next)
    ? { outcome: "unchanged", instance: current }
    : changed(next, "updated");
}

/** An instance whose life is the platform's word: active until the platform removes it. */
function hold(current: Instance | undefined, { spec, grant }: PlatformPutEvent, now: EpochMs): Decision {
  const base = current ?? newInstance(spec, grant, now);
  const next: Instance = { ...base, ...spec, grant, state: "active", removedBy: null, deadline: null };
  if (current?.state !== "active") {
    return changed({ ...next, stateSince: now }, current === undefined ? "joined" : "returned");
  }
  const same = sameStatement(current, next) && current.deadline === null;
  return same ? { outcome: "unchanged", instance: current } : changed(next, "updated");
}

function join(current: Instance | undefined, event: JoinEvent, now: EpochMs, timings: Timings): Decision {
  const { spec, grant, keyHash, bootId, bound } = event;
  const refusal = ownerRefusal(current, spec);
  if (refusal !== undefined) return refused(refusal);
  const clock = { now, timings };
  if (current === undefined)
    return live({ ...newInstance(spec, grant, now), keyHash }, undefined, bootId, clock);
  const sameKey = current.keyHash !== null && sameHash(current.keyHash, keyHash);
  if (current.keyHash !== null && !sameKey && !bound) return refused("wrong-key");
  // The labels are the platform's, and a join says nothing about them.
  const next = { ...current, ...spec, labels: current.labels, grant, keyHash };
  return live(next, current, bootId, clock);
}

/** `next` shows that it lives: active, with a fresh lease. */
function live(
  next: Instance,
  current: Instance | undefined,
  bootId: string,
  { now, timings }: Clock,
): Decision {
  const deadline = next.liveness === "platform" ? null : now + timings.leaseMs;
  const alive: Instance = { ...next, state: "active", removedBy: null, bootId, deadline, seenAt: now };
  const rejoined = current?.bootId ?? null;
  if (current?.state !== "active") {
    return changed({ ...alive, stateSince: now }, rejoined === null ? "joined" : "returned");
  }
  if (sameStatement(current, alive) && current.keyHash === alive.keyHash) {
    return { outcome: "renewed", instance: alive, rebooted: bootId !== current.bootId };
  }
  return changed(alive, rejoined === null ? "joined" : "updated");
}

function lapse(current: Instance, now: EpochMs, timings: Timings): Decision {
  if (current.deadline === null || current.deadline > now) return refused("not-due");
  switch (current.state) {
    case "expected":
      return remove(current, "never-joined", now, timings);
    case "active":
      return changed(
        { ...current, state: "lost", stateSince: now, deadline: now + timings.lostHoldMs },
        "lost",
      );
    case "lost":
      return remove(current, "lapsed", now, timings);
    case "draining":
      return remove(current, "drained", now, timings);
    case "removed":
      return { outcome: "purged" };
  }
}

function remove(current: Instance, removedBy: RemovedBy, now: EpochMs, timings: Timings): Decision {
  const removed = { state: "removed", removedBy, stateSince: now, deadline: now + timings.keyMs } as const;
  return changed({ ...current, ...removed }, `removed-${removedBy}`);
}

function newInstance(spec: InstanceSpec, grant: Instance["grant"], createdAt: EpochMs): Instance {
  return {
    ...spec,
    grant,
    state: "expected",
    removedBy: null,
    stateSince: createdAt,
    deadline: null,
    bootId: null,
    keyHash: null,
    createdAt,
    seenAt: null,
    rev: 0,
  };
}

function ownerRefusal(current: Instance | undefined, spec: InstanceSpec): Refusal | undefined {
  if (current === undefined) return undefined;
  if (current.removedBy === "platform") return "removed";
  const { project, service, scope } = current;
  const same = project === spec.project && service === spec.service && scope === spec.scope;
  return same ? undefined : "other-owner";
}

function keyRefusal(
  current: Instance | undefined,
  keyHash: string,
  now: EpochMs,
  timings: Timings,
): Refusal | undefined {
  if (current === undefined) return "unknown";
  if (current.keyHash === null || !sameHash(current.keyHash, keyHash)) return "wrong-key";
  if (current.removedBy === "platform") return "removed";
  // What is still served may be so because a sweep is held, however long: it is the one that has to be able to return.
  if (current.state !== "removed") return undefined;
  return now - current.stateSince >= timings.keyMs ? "key-expired" : undefined;
}

function sameStatement(a: Instance, b: Instance): boolean {
  return statementOf(a) === statementOf(b);
}

function statementOf({ liveness, endpoints, labels, grant }: Instance): string {
  const places = endpoints.map(({ name, address, port }) => [name, address, port]);
  const grants = grant.endpoints.map(({ name, ports }) => [name, ports]);
  return JSON.stringify([liveness, places, Object.entries(labels).sort(), grant.ranges, grants]);
}

function changed(instance: Instance, reason: ChangeReason): Decision {
  return { outcome: "changed", instance, reason };
}

function refused(code: Refusal): Decision {
  return { outcome: "refused", code };
}
