import { createHash } from "node:crypto";
import type { Destination } from "@promferry/core/delivery";

/** `sha256:` and the digest of a destination's identity, as the ledger has it. */
export function identityDigest(destination: Destination): string {
  return `sha256:${createHash("sha256").update(destination.identity).digest("hex")}`;
}
