import type { Label } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
import { LABEL, LABEL_NAME, LABEL_VALUE } from "./schema.ts";

/** Bytes of many series stand in one buffer: a buffer each would take more than what is in it. */
const CHUNK_BYTES = 64 * 1024;

/** Encodes sorted labels as the fields `labels` of a TimeSeries message. What one call gave is not changed by the next. */
export function createLabelWriter(): (sorted: readonly Label[]) => Uint8Array {
  const scratch = new MessageBuffer();
  let chunk = new ArrayBuffer(0);
  let used = 0;
  return (sorted) => {
    scratch.clear();
    for (const { name, value } of sorted) {
      const content = scratch.beginField(LABEL, 0);
      scratch.putText(LABEL_NAME, name);
      scratch.putText(LABEL_VALUE, value);
      scratch.endField(content, 0);
    }
    const fields = scratch.written();
    if (used + fields.length > chunk.byteLength) {
      chunk = new ArrayBuffer(Math.max(CHUNK_BYTES, fields.length));
      used = 0;
    }
    const bytes = new Uint8Array(chunk, used, fields.length);
    bytes.set(fields);
    used += fields.length;
    return bytes;
  };
}
