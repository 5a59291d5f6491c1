export { createHttpPush, type HttpPushFormat, type HttpPushOptions } from "./http-push.ts";
export { writeJsonLines } from "./json-lines.ts";
