import type { ControlPlaneMetrics, ResourceType } from "./metrics.ts";

/** Who asks, and for what. */
export interface ResourceRequest {
  /** Team of the caller. */
  readonly from: string;
  /** Team that the resource belongs to. */
  readonly team: string;
  readonly type: ResourceType;
  readonly id: string;
}

export type Verdict = "done" | "absent" | "refused";

/** Resources by team. Each change and each refusal stands in the metrics at once. */
export interface ControlPlane {
  put(request: ResourceRequest): Verdict;
  remove(request: ResourceRequest): Verdict;
  read(request: ResourceRequest): Verdict;
}

/** An empty control plane. Only a team's own members reach its resources. */
export function createControlPlane({ teamResources, crossTeamAccess }: ControlPlaneMetrics): ControlPlane {
  const owned = new Map<string, Set<string>>();
  const idsOf = ({ team, type }: ResourceRequest): Set<string> => {
    const key = JSON.stringify([team, type]);
    const ids = owned.get(key) ?? new Set();
    owned.set(key, ids);
    return ids;
  };
  const guarded = (request: ResourceRequest, act: (ids: Set<string>) => Verdict): Verdict => {
    const { from, team, type } = request;
    if (from !== team) {
      crossTeamAccess.inc({ from_team: from, to_team: team, resource_type: type });
      return "refused";
    }
    const ids = idsOf(request);
    const verdict = act(ids);
    // Set from what there is, not counted up and down: a lost step can't stay.
    teamResources.set({ team, resource_type: type }, ids.size);
    return verdict;
  };
  return {
    put: (request) =>
      guarded(request, (ids) => {
        ids.add(request.id);
        return "done";
      }),
    remove: (request) => guarded(request, (ids) => (ids.delete(request.id) ? "done" : "absent")),
    read: (request) => guarded(request, (ids) => (ids.has(request.id) ? "done" : "absent")),
  };
}
