/**
 * What is registered: an instance with the endpoints that Prometheus scrapes on it.
 *
 * Everything here is plain data that survives JSON unchanged. Ids and addresses are ASCII, so that comparing
 * strings by code units, by bytes and by PostgreSQL's `COLLATE "C"` gives the same order.
 */

/** Integer milliseconds since the Unix epoch, by the store's clock. No other clock decides anything. */
export type EpochMs = number;

/** One thing to scrape. Scheme and path belong to the endpoint's kind, never to a registrant. */
export interface Endpoint {
  /** A kind that the policy knows: `node`, `cadvisor`, `app`. Also the name of the list it stands in. */
  readonly name: string;
  /** Literal IP address in canonical text: dotted quad, or RFC 5952 without brackets and zone. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Who says that an instance lives: its own heartbeats, or the platform alone (no lease, no agent). */
export type Liveness = "heartbeat" | "platform";

/** What a platform or an instance states about an instance. */
export interface InstanceSpec {
  /** The cloud's id of the instance, unique in the store. */
  readonly id: string;
  readonly project: string;
  readonly service: string;
  /** Network in which the addresses are unique. `"default"` where there is one network. */
  readonly scope: string;
  readonly liveness: Liveness;
  /** Sorted by name, address, port; no two with the same address and port. */
  readonly endpoints: readonly Endpoint[];
  /** Further labels, set by the platform only; sorted by name. They become `__meta_ferry_label_<name>`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Where the endpoints of an instance may lie, whoever states them. Fixed by the platform or the join token. */
export interface Grant {
  /** CIDR ranges in canonical text; every address lies in one of them. */
  readonly ranges: readonly string[];
  /** The endpoints that may be named, with the ports that each may have. */
  readonly endpoints: readonly EndpointGrant[];
}

export interface EndpointGrant {
  readonly name: string;
  readonly ports: readonly number[];
}

/**
 * - `expected`: announced by the platform, has not joined; shown, not served.
 * - `active`: its lease runs; served.
 * - `lost`: its lease is over; still served with the same labels, so that `up == 0` can alert.
 * - `draining`: shut down in an orderly way; served until its drain time is over.
 * - `removed`: not served; kept as a tombstone until its deadline.
 */
export type InstanceState = "expected" | "active" | "lost" | "draining" | "removed";

/**
 * Why an instance was removed. `platform` is final: nothing brings it back. The others return by the instance's
 * own key, subject to the address claim; `never-joined` has no key and needs a new join token.
 */
export type RemovedBy = "platform" | "lapsed" | "drained" | "superseded" | "never-joined";

/** An instance as a store holds it. */
export interface Instance extends InstanceSpec {
  readonly state: InstanceState;
  /** Null in every state but `removed`. */
  readonly removedBy: RemovedBy | null;
  readonly stateSince: EpochMs;
  /**
   * When the state's time is over: end of the lease (`active`), of the hold (`lost`), of the drain (`draining`), of
   * the announcement (`expected`), of the tombstone (`removed`). Null: never, for `active` with liveness `platform`.
   */
  readonly deadline: EpochMs | null;
  /** The kernel's boot id as last reported; null before the first join. */
  readonly bootId: string | null;
  /** SHA-256 of the instance's own key, 64 lower-case hex digits; null before the first join. */
  readonly keyHash: string | null;
  readonly grant: Grant;
  readonly createdAt: EpochMs;
  /** Latest proof of life by the instance itself; null before the first join. */
  readonly seenAt: EpochMs | null;
  /** Store revision of its last change. A renewed lease or a reboot is no change. */
  readonly rev: number;
}

/** Whether Prometheus is told of it. Served instances, and only they, hold claims on their addresses. */
export function isServed(instance: { readonly state: InstanceState }): boolean {
  return instance.state === "active" || instance.state === "lost" || instance.state === "draining";
}

/** `10.0.0.1:9100`, `[fd00::1]:9100`: the target of an endpoint. */
export function targetOf(endpoint: Endpoint): string {
  const { address, port } = endpoint;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Key of the claim on an address: scope, address and port. No two served instances hold an equal one. */
export function claimKey(scope: string, endpoint: Endpoint): string {
  return `${scope} ${targetOf(endpoint)}`;
}
