import type { Instance } from "@promferry/target-registry";

/** An instance as the API shows it: no key, no grant. */
export function instanceView(instance: Instance): object {
  const { id, project, service, scope, liveness, state, endpoints, labels, rev } = instance;
  return {
    id,
    project,
    service,
    scope,
    liveness,
    state,
    removed_by: instance.removedBy,
    state_since: timeOf(instance.stateSince),
    deadline: timeOf(instance.deadline),
    boot_id: instance.bootId,
    created_at: timeOf(instance.createdAt),
    seen_at: timeOf(instance.seenAt),
    endpoints,
    labels,
    rev,
  };
}

export function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
