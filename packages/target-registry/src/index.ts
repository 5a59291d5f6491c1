export { isId } from "./model/document.ts";
export { byEndpoint, grantOf, outsideGrant } from "./model/endpoints.ts";
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
export {
  type IpAddress,
  type IpRange,
  parseIpAddress,
  parseIpRange,
  rangeHolds,
  rangesMeet,
} from "./model/ip-address.ts";
export {
  type AddressPolicy,
  createAddressPolicy,
  DEFAULT_POLICY,
  type EndpointKind,
  LIMITS,
  type Policy,
  type PortSpan,
  RESERVED_LABELS,
} from "./model/policy.ts";
export type { Checked, Problem } from "./model/problem.ts";
export {
  type InstanceDocument,
  type JoinDocument,
  validateInstanceDocument,
  validateJoin,
} from "./model/validate-join.ts";
export { validateSpec } from "./model/validate-spec.ts";
export { type TokenRequest, validateTokenRequest } from "./model/validate-token-request.ts";
export { claimsOf, type Settlement, settleClaims } from "./states/claims.ts";
export { decide } from "./states/decide.ts";
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
export {
  DEFAULT_GUARD,
  type DueInstance,
  type GuardLimits,
  type Hold,
  type ListTally,
  planSweep,
  type SweepInput,
  type SweepPlan,
  type SweepState,
} from "./states/sweep.ts";
export { DEFAULT_TIMINGS, type Timings } from "./states/timings.ts";
export {
  caHashOf,
  hashSecret,
  type JoinToken,
  type JoinTokenText,
  type MintedToken,
  type MintOptions,
  mintJoinToken,
  parseJoinToken,
  sameHash,
  type TokenBinding,
} from "./tokens/join-token.ts";
export { type Redeemed, type Redemption, redeemToken } from "./tokens/redeem.ts";
