import type { ApplyRefusal, TokenRefusal } from "@promferry/target-registry/store";
import { ProblemError } from "./problem.ts";
import type { ProblemCode } from "./problem-table.ts";

type Refused = ApplyRefusal | { readonly code: TokenRefusal };

const CODES: Readonly<Record<Exclude<Refused["code"], "not-due">, readonly [ProblemCode, string]>> = {
  unknown: ["unknown_instance", "no instance of this id"],
  removed: ["instance_removed", "removed by the platform"],
  "wrong-key": ["wrong_key", "expected the key that the instance joined with"],
  "key-expired": ["key_expired", "it was removed longer ago than its key is valid"],
  "other-owner": ["other_owner", "project, service and scope of an instance never change"],
  "outside-grant": ["outside_grant", "expected endpoints inside the grant of the platform or the token"],
  "address-taken": ["address_taken", "the address is held by another instance"],
  "rev-mismatch": ["revision_mismatch", "expected the present revision in If-Match"],
  quota: ["quota_exceeded", "the project is full"],
  "token-unknown": ["token_unknown", "expected a join token of this service"],
  "token-expired": ["token_expired", "the join token's time is over"],
  "token-revoked": ["token_revoked", "the join token was revoked"],
  "token-used": ["token_used", "the join token was used with another key"],
  "token-bound": ["token_bound", "the join token names another instance"],
  "token-range": ["outside_grant", "expected endpoints inside the grant of the join token"],
};

/** Seconds until a full project is worth another try. */
const QUOTA_RETRY = 300;

/** What a store's refusal is called outside. The owner of a taken address is not named: it may be another tenant. */
export function refusal(refused: Refused): ProblemError {
  // Only a sweep lapses, and no route sweeps.
  if (refused.code === "not-due") throw new Error("expected no lapse from a route");
  const [code, detail] = CODES[refused.code];
  switch (refused.code) {
    case "address-taken":
      // A heartbeat's outcome has no target.
      return new ProblemError(code, "target" in refused ? `${refused.target}: ${detail}` : detail);
    case "rev-mismatch":
      return new ProblemError(code, detail, { rev: refused.rev });
    case "quota":
      return new ProblemError(code, detail, { retryAfter: QUOTA_RETRY });
    default:
      return new ProblemError(code, detail);
  }
}
