import type { Projection } from "@promferry/core/merge";
import { claimRecord, type Ledger, withRecord } from "./ledger.ts";

/** A destination, as far as its projection's memory is concerned. */
export interface RememberingDestination {
  readonly name: string;
  /** As in the ledger. */
  readonly identity: string;
  readonly project: Projection;
}

/** Lets each projection go on from what the ledger has of its destination. */
export function recallAdmitted(ledger: Ledger, destinations: readonly RememberingDestination[]): void {
  for (const { name, identity, project } of destinations) {
    project.memory?.recall(claimRecord(ledger, name, identity).record.admitted);
  }
}

/** The ledger with what the projections let through since: without it a request might not be made again as it was. */
export function withAdmitted(ledger: Ledger, destinations: readonly RememberingDestination[]): Ledger {
  let changed = ledger;
  for (const { name, identity, project } of destinations) {
    const admitted = project.memory?.kept();
    const record = ledger.destinations.get(name);
    if (!admitted || record?.identity !== identity) continue;
    const isNews = record.admitted !== admitted && Object.keys(admitted).length > 0;
    if (isNews) changed = withRecord(changed, name, { ...record, admitted });
  }
  return changed;
}
