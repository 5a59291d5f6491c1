export {
  claimKey,
  type Endpoint,
  type EndpointGrant,
  type EpochMs,
  type Grant,
  type Instance,
  type InstanceSpec,
  type InstanceState,
  isServed,
  type Liveness,
  type RemovedBy,
  targetOf,
} from "./model/instance.ts";
export type {
  AnyEvent,
  ChangeReason,
  Decision,
  DrainEvent,
  ExpectEvent,
  HeartbeatEvent,
  InstanceEvent,
  InstancePutEvent,
  JoinEvent,
  LapseEvent,
  PlatformPutEvent,
  Refusal,
  RemoveEvent,
  SupersedeEvent,
} from "./states/events.ts";
export type { DueInstance, Hold, ListTally, SweepState } from "./states/sweep.ts";
export { DEFAULT_TIMINGS, type Timings } from "./states/timings.ts";
export type { JoinToken, JoinTokenText, TokenBinding } from "./tokens/join-token.ts";
