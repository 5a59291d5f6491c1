import type { EpochMs } from "@promferry/core/series";
import type { LedgerStore } from "./ledger-store.ts";
import type { MayLeave } from "./plan.ts";
import type { SegmentQueue } from "./segment-queue.ts";
import type { ShipEvent } from "./ship-options.ts";
import type { TotalsStore } from "./totals-store.ts";
import type { UploadFs } from "./upload-fs.ts";

/** What all destinations of one shipper share while it holds the lock. */
export interface ShipSession {
  readonly dir: string;
  readonly fs: UploadFs;
  readonly now: () => EpochMs;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly store: LedgerStore;
  readonly totals: TotalsStore;
  readonly queue: SegmentQueue;
  /** By session of a scraped page, the segment that it was last seen in. */
  readonly lastSegmentOf: Map<string, string>;
  /** Rejects when this process may no longer upload. */
  readonly guard: () => Promise<void>;
  readonly mayLeave: MayLeave;
  readonly settleMs: number;
  readonly patientMs: number;
  readonly tell: (event: ShipEvent) => void;
}
