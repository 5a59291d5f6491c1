export {
  batchFamilies,
  leftOutOfText,
  NATIVE_HISTOGRAMS_LEFT_OUT,
  STALE_MARKERS_LEFT_OUT,
  toBatch,
} from "./batch.ts";
export { DeliveryError, type DeliveryErrorCode, type DeliveryErrorDetails } from "./delivery-error.ts";
export type {
  Batch,
  BatchSeries,
  Destination,
  DestinationLimits,
  EncodedBatch,
  EncodedRequest,
  Receipt,
  Refusal,
  SendOptions,
} from "./destination.ts";
export { endpointIdentity, parseEndpoint } from "./endpoint.ts";
export { checkHeaders, type HttpOptions } from "./http-options.ts";
export { type RetryOptions, withRetry } from "./retry.ts";
export { parseRetryAfter } from "./retry-after.ts";
export { defaultUserAgent, type Reply, sendRequest } from "./send-request.ts";
export { LONGEST_TIMER_MS, sleepFor } from "./sleep.ts";
