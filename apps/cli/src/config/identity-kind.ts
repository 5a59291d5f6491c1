import type { IdentityKind } from "@promferry/privacy";
import type { MetricsConfig } from "./schema.ts";

/** The identity that the configuration asks for. */
export function identityKind({
  anonymize_user: isWanted,
  identity,
}: Pick<MetricsConfig, "anonymize_user" | "identity">): IdentityKind {
  return isWanted ? (identity ?? "installation") : "none";
}
