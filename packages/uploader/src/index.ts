export {
  type ForeseenDeletion,
  type ForeseeOptions,
  type Foresight,
  foreseeDeletions,
} from "./foresee-deletions.ts";
export {
  type ErasedFile,
  type ForgetFs,
  type ForgetOptions,
  type ForgetReceipt,
  forget,
  nodeForgetFs,
} from "./forget.ts";
export type { OwnFile } from "./journal-files.ts";
export type {
  DestinationRecord,
  FileRecord,
  FileStatus,
  FormerRecord,
  Ledger,
  NextRequest,
} from "./ledger.ts";
export { LedgerError, type LedgerErrorCode } from "./ledger-error.ts";
export { formatLedger, parseLedger } from "./ledger-json.ts";
export { LEDGER_FILE, readLedger } from "./ledger-store.ts";
export { UploadBusyError } from "./lock.ts";
export type { LockHolder, ProcessTable } from "./lock-holder.ts";
export { type MaintenanceOptions, type MaintenanceReport, maintainJournal } from "./maintain.ts";
export type { FrameChoice, MayLeave } from "./plan.ts";
export { recallFromLedger } from "./recall-from-ledger.ts";
export {
  type RepairedDay,
  type RepairOptions,
  type RepairReport,
  repairJournal,
  type UnrepairedDay,
} from "./repair.ts";
export type {
  DeletedDay,
  DeletionCause,
  DestinationReport,
  FailureKind,
  FileReport,
  KeptDay,
  LostFrames,
  PlannedRequest,
  UploadFailure,
  UploadReport,
  UploadVerdict,
} from "./report.ts";
export type { UploadCleanup } from "./retention-plan.ts";
export type { Cursor, SeqRange, SeqRanges } from "./seqs.ts";
export { startShipper } from "./ship.ts";
export type { DestinationStatus, ShipEvent, ShipOptions, Shipper, ShipStatus } from "./ship-options.ts";
export { TOTALS_FILE } from "./totals-store.ts";
export { upload } from "./upload.ts";
export { nodeUploadFs, type UploadFs } from "./upload-fs.ts";
export type { UploadOptions, UploadProgress, UploadTarget } from "./upload-options.ts";
