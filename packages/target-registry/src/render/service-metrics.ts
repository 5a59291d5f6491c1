/** Names of what the registration service says about itself; the alert rules rely on them. */

export const SERVICE_METRIC_PREFIX = "promferry_targets_";

export const SERVICE_METRICS = {
  /** Gauge, label `state`: instances in each state, zeros included. */
  instances: "promferry_targets_instances",
  /** Gauge, label `endpoint`: targets in the whole list of that endpoint, all projects, scopes and shards. */
  served: "promferry_targets_served",
  /** Gauge, 0 or 1: whether lists may be served. */
  authoritative: "promferry_targets_authoritative",
  /** Gauge: seconds since the list was last known to be that of the store. */
  listAge: "promferry_targets_list_age_seconds",
  /** Gauge: revision of the store that the list shows. */
  listRevision: "promferry_targets_list_revision",
  /** Gauge: instances whose lapse the guard holds. */
  heldLapses: "promferry_targets_held_lapses",
  /** Counter: uses of a join token that another key had used. */
  tokenMisuse: "promferry_targets_token_misuse_total",
} as const;
