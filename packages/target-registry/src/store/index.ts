export { type ApplyOptions, addJoinToken, applyEvent, renewInstance } from "./apply-event.ts";
export { checkBatch, checkedRecords, checkLimit, checkStorable, sealedRecords } from "./checks.ts";
export { joinInstance } from "./join-instance.ts";
export { createMemoryStore, type MemoryStoreOptions } from "./memory/memory-store.ts";
export { StoreError, type StoreErrorCode } from "./store-error.ts";
export type {
  AddressTaken,
  Applied,
  ApplyRefusal,
  Cause,
  Changes,
  Fence,
  Heartbeat,
  HistoryEntry,
  IdempotencyKey,
  IdempotencyOutcome,
  IdempotentAnswer,
  InstanceFilter,
  Joined,
  JoinRequest,
  MetricQuery,
  MetricRow,
  Page,
  PageRequest,
  RenewOutcome,
  StoreInfo,
  StoreOptions,
  StoreRecord,
  TargetStore,
  TokenRefusal,
} from "./target-store.ts";
export type { StoreTransaction } from "./transaction.ts";
