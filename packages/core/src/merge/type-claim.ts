import type { EpochMs, MetricFamily, MetricType } from "../series/series.ts";
import type { SessionState } from "./session-state.ts";

/** Which type a family has, and the session that says so. */
export interface TypeClaim {
  readonly type: MetricType;
  readonly startedMs: EpochMs;
  readonly session: string;
}

/** The type that the newest session gives a family wins; samples of another type are refused. @returns Whether the session's is it. */
export function agreesOnType(
  claims: Map<string, TypeClaim>,
  { name, type }: MetricFamily,
  session: SessionState,
): boolean {
  const claim = claims.get(name);
  const { startedMs } = session.info;
  if (claim?.session === session.id && claim.type === type && claim.startedMs === startedMs) return true;
  const isNewer =
    !claim || startedMs > claim.startedMs || (startedMs === claim.startedMs && session.id >= claim.session);
  if (isNewer) claims.set(name, { type, startedMs, session: session.id });
  return isNewer || claim.type === type;
}
