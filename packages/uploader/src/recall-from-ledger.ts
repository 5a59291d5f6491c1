import type { JournalFs } from "@promferry/core/journal";
import { readLedger } from "./ledger-store.ts";
import { recallAdmitted } from "./remember.ts";
import { retainedDestination } from "./retention-plan.ts";
import type { UploadTarget } from "./upload-options.ts";

/**
 * Lets the targets' projections decide as the next upload will, for who only looks.
 *
 * @throws {LedgerError}
 */
export async function recallFromLedger(
  dir: string,
  fs: JournalFs,
  targets: readonly UploadTarget[],
): Promise<void> {
  recallAdmitted(await readLedger(dir, fs), targets.map(retainedDestination));
}
