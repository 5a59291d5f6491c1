export type { ReceivedSeries } from "./accept-series.ts";
export { BatchRefusal, type BatchRefusalCode } from "./batch-refusal.ts";
export {
  createRemoteWriteHandler,
  type ReceivedBatch,
  type ReceiverLimits,
  type RemoteWriteHandler,
  type RemoteWriteHandlerOptions,
} from "./handler.ts";
