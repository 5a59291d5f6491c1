export { createHttpPush, type HttpPushFormat, type HttpPushOptions } from "./http-push.ts";
