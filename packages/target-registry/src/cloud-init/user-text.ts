import { gunzipSync } from "node:zlib";
import { UserDataError } from "./user-data-error.ts";

/** Most bytes that compressed user data may unpack to. */
const UNPACKED_LIMIT = 4 * 1024 * 1024;

/** User data as text, unpacked as cloud-init unpacks it. */
export function userText(data: Uint8Array | string): string {
  if (typeof data === "string") return data;
  try {
    const packed = data[0] === 0x1f && data[1] === 0x8b;
    const bytes = packed ? gunzipSync(data, { maxOutputLength: UNPACKED_LIMIT }) : data;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new UserDataError(
      "ERR_USER_DATA_PART",
      `user data can't be read: expected UTF-8 text, or gzip of at most ${UNPACKED_LIMIT} bytes of it: ${(error as Error).message}`,
    );
  }
}
