/** How long each state lasts; all in milliseconds, all greater than 0. */
export interface Timings {
  /** How long an instance is taken for alive after its last sign of life. */
  readonly leaseMs: number;
  /** What instances are asked to wait between two heartbeats, ± 10 %. */
  readonly heartbeatMs: number;
  /** How long a lost instance is still served. */
  readonly lostHoldMs: number;
  /** How long an instance that said goodbye is still served. */
  readonly drainMs: number;
  /** How long an announced instance is awaited; also the longest life of a join token. */
  readonly expectedMs: number;
  /** How long after its removal an instance may come back by its own key; before that, always. */
  readonly keyMs: number;
}

/** Lease 5 min, heartbeat 60 s, hold 15 min, drain 2 min, announcement 30 min, key 30 days. */
export const DEFAULT_TIMINGS: Timings = {
  leaseMs: 300_000,
  heartbeatMs: 60_000,
  lostHoldMs: 900_000,
  drainMs: 120_000,
  expectedMs: 1_800_000,
  keyMs: 2_592_000_000,
};
