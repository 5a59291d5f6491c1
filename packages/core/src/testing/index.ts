export {
  type DecodedSample,
  type DestinationOptions,
  type DestinationSetup,
  describeDestination,
} from "./describe-destination.ts";
export { type Answer, type ReceivedRequest, type Receiver, startReceiver } from "./receiver.ts";
