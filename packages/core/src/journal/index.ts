export { type CompressionResult, compressDay } from "./compress-day.ts";
export type { Damage, DamageReason, PendingTail, UnsupportedFrame } from "./damage.ts";
export { type DayBoundary, dayFileName, dayOfFile, isClosed, isPacked, packedName } from "./day-file.ts";
export { type DecodeOptions, decodeFrame } from "./decode-frame.ts";
export { createFrameMemory, encodeFrame, type FrameMemory, MAX_FRAME_BYTES } from "./encode-frame.ts";
export type {
  ConsentGrant,
  Frame,
  FrameHeader,
  FrameKind,
  FrameOrigin,
  FrameRef,
  GaugeMerge,
  GaugeRule,
  SessionInfo,
} from "./frame.ts";
export {
  type Journal,
  type JournalFile,
  type JournalIndex,
  type JournalOptions,
  openJournal,
} from "./journal.ts";
export { JournalError, type JournalErrorCode } from "./journal-error.ts";
export {
  type AppendFile,
  type AppendFileSync,
  type FileStat,
  type JournalFs,
  LOW_DISK_BYTES,
  nodeJournalFs,
  type ReadFile,
} from "./journal-fs.ts";
export {
  createJournalWriter,
  type FrameToWrite,
  type JournalWriter,
  type JournalWriterOptions,
  type WriteResult,
  type WriterInfo,
} from "./journal-writer.ts";
export { type RemovalResult, removeDay } from "./remove-day.ts";
export { type RepairResult, repairDay, repairedName } from "./repair-day.ts";
export { type FrameScan, type ScannedDamage, type ScannedFrame, scanFrames } from "./scan-frames.ts";
export {
  compareSegments,
  type SegmentPlace,
  segmentName,
  segmentPlace,
  segmentsAmong,
} from "./segment-name.ts";
export { createSegmentReader, type SegmentReader, type SegmentStretch } from "./segment-reader.ts";
export { createSegments, type Segments, type SegmentsOptions } from "./segments.ts";
export { MAX_CLOCK_DRIFT_MS } from "./session-clock.ts";
export { syncDays } from "./sync-days.ts";
