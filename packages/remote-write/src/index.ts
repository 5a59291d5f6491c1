export { DecodeError, type DecodeErrorCode } from "./decode-error.ts";
export { createRemoteWrite, type RemoteWriteOptions } from "./sender/remote-write.ts";
export { type SnappyCodec, snappyjsCodec } from "./snappy/codec.ts";
export {
  type DecodedSeries,
  type DecodedWriteRequest,
  type DecodeLimits,
  decodeWriteRequest,
} from "./write-request/decode.ts";
export { encodeWriteRequest } from "./write-request/encode.ts";
export {
  createLabelCache,
  type LabelCache,
  type LabelProblem,
  type SeriesLabels,
} from "./write-request/series-labels.ts";
export { type ValidatedBatch, type ValidateOptions, validateBatch } from "./write-request/validate-batch.ts";
