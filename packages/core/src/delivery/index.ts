export { DeliveryError, type DeliveryErrorCode, type DeliveryErrorDetails } from "./delivery-error.ts";
export type {
  Batch,
  BatchSeries,
  Destination,
  DestinationLimits,
  EncodedRequest,
  Receipt,
  Refusal,
  SendOptions,
} from "./destination.ts";
