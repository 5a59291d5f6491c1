/**
 * What the control plane shows of itself. Labels are teams and kinds of resource, each from a list or with a cap: a resource's id or a user's name
 * has no label to stand in.
 */
import { counter, defineMetrics, gauge, open } from "@promferry/core";

export const RESOURCE_TYPES = ["cluster", "route", "listener"] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** Teams beyond these are counted together, as `other`. */
const MAX_TEAMS = 100;

/** Pairs of teams grow with their square: so many of either side. */
const MAX_TEAMS_IN_PAIRS = 30;

/** The metrics in a registry of their own. */
export function createMetrics() {
  return defineMetrics(
    { namespace: "controlplane" },
    {
      teamResources: gauge({
        name: "team_resources",
        help: "Resources that a team has now.",
        why: "Shows who grows, and what a team's configuration costs to serve.",
        labels: { team: open({ max: MAX_TEAMS }), resource_type: RESOURCE_TYPES },
        // Two control planes see the same teams.
        merge: "max",
      }),
      crossTeamAccess: counter({
        name: "cross_team_access_attempts_total",
        help: "Attempts of one team to reach what belongs to another; each was refused.",
        why: "A sudden rise is a mistake in somebody's configuration, or somebody who looks around.",
        labels: {
          from_team: open({ max: MAX_TEAMS_IN_PAIRS }),
          to_team: open({ max: MAX_TEAMS_IN_PAIRS }),
          resource_type: RESOURCE_TYPES,
        },
      }),
    },
  );
}

export type ControlPlaneMetrics = ReturnType<typeof createMetrics>;
