/** What can happen to an instance, and what comes of it. */
import type { Endpoint, Grant, Instance, InstanceSpec } from "../model/instance.ts";

/** The platform announces an instance, together with a join token; without labels, one that it has stated keeps its own. */
export interface ExpectEvent {
  readonly type: "expect";
  readonly spec: InstanceSpec;
  readonly grant: Grant;
}

/** The instance redeems a join token. Comes through `TargetStore.join`, which checks the token first. */
export interface JoinEvent {
  readonly type: "join";
  readonly spec: InstanceSpec;
  readonly grant: Grant;
  readonly bootId: string;
  readonly keyHash: string;
  /** The token names this very instance: it may replace the key of an earlier life. */
  readonly bound: boolean;
  /** The request came from the claimed address itself: it takes the address from an owner whose lease still runs. */
  readonly verified: boolean;
}

/** The platform states the whole spec. It speaks for its addresses, so it takes them from whoever holds them. */
export interface PlatformPutEvent {
  readonly type: "platform-put";
  readonly spec: InstanceSpec;
  readonly grant: Grant;
  /** Whoever states it speaks for this project only: no address is taken from another one. Default false. */
  readonly ownProjectOnly?: boolean;
}

/** The instance states its endpoints anew. Project, service, scope and labels stay what the platform said. */
export interface InstancePutEvent {
  readonly type: "instance-put";
  readonly keyHash: string;
  readonly bootId: string;
  readonly endpoints: readonly Endpoint[];
  readonly verified: boolean;
}

/** The instance lives. */
export interface HeartbeatEvent {
  readonly type: "heartbeat";
  readonly keyHash: string;
  readonly bootId: string;
}

/** The instance says goodbye (poweroff, halt). */
export interface DrainEvent {
  readonly type: "drain";
  readonly keyHash: string;
}

/** The platform deleted the instance, or the cloud's inventory lacked it twice. Final. */
export interface RemoveEvent {
  readonly type: "remove";
}

/** The state's time is over. Comes from the sweep, which the guard has let through. */
export interface LapseEvent {
  readonly type: "lapse";
}

/** Another instance took over one of its addresses. Made by the store, in the taker's transaction. */
export interface SupersedeEvent {
  readonly type: "supersede";
}

/** Events that a service may hand to `TargetStore.apply`. */
export type InstanceEvent =
  | ExpectEvent
  | PlatformPutEvent
  | InstancePutEvent
  | HeartbeatEvent
  | DrainEvent
  | RemoveEvent;

export type AnyEvent = InstanceEvent | JoinEvent | LapseEvent | SupersedeEvent;

/**
 * Why an event was refused; nothing has changed then.
 *
 * - `unknown`: no such instance. `removed`: the platform removed it; final.
 * - `wrong-key`: not the key of this instance. `key-expired`: removed for longer than a key is valid.
 * - `other-owner`: the instance belongs to another project, service or scope.
 * - `outside-grant`: an endpoint that neither the platform nor the join token allowed. `not-due`: a lapse before the deadline.
 */
export type Refusal =
  | "unknown"
  | "removed"
  | "wrong-key"
  | "key-expired"
  | "other-owner"
  | "outside-grant"
  | "not-due";

/**
 * - `changed`: to be stored under a new revision. `reason` names the change in the instance's history.
 * - `renewed`: lease, boot id or sign of life only; stored under the old revision.
 * - `unchanged`: nothing to store.
 * - `purged`: the row goes; its tombstone's time is over.
 */
export type Decision =
  | { readonly outcome: "changed"; readonly instance: Instance; readonly reason: ChangeReason }
  | { readonly outcome: "renewed"; readonly instance: Instance; readonly rebooted: boolean }
  | { readonly outcome: "unchanged"; readonly instance: Instance | undefined }
  | { readonly outcome: "purged" }
  | { readonly outcome: "refused"; readonly code: Refusal };

export type ChangeReason =
  | "announced"
  | "joined"
  | "updated"
  | "returned"
  | "lost"
  | "draining"
  | "removed-platform"
  | "removed-lapsed"
  | "removed-drained"
  | "removed-superseded"
  | "removed-never-joined";
