export { DecodeError, type DecodeErrorCode } from "./decode-error.ts";
export type { DecodeLimits } from "./protobuf/decode-budget.ts";
export {
  type DecodedRequestV2,
  type DecodedSeriesV2,
  decodeRequestV2,
  type SeriesMetadata,
} from "./request-v2/decode.ts";
export { encodeRequestV2 } from "./request-v2/encode.ts";
export { createStringCache, type SeriesStrings, type StringCache } from "./request-v2/series-strings.ts";
export { createRemoteWrite, type RemoteWriteOptions } from "./sender/remote-write.ts";
export { createSnappyCodec, type SnappyCodec, snappyjsCodec } from "./snappy/codec.ts";
export type { CheckedLabels, LabelProblem, ProtocolVersion } from "./validation/label-problem.ts";
export { type ValidatedBatch, type ValidateOptions, validateBatch } from "./validation/validate-batch.ts";
export { type DecodedSeries, type DecodedWriteRequest, decodeWriteRequest } from "./write-request/decode.ts";
export { encodeWriteRequest } from "./write-request/encode.ts";
export { createLabelCache, type LabelCache, type SeriesLabels } from "./write-request/series-labels.ts";
