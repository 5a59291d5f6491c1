import type { Label } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
import { LABEL, LABEL_NAME, LABEL_VALUE } from "./schema.ts";

/** Bytes that many series share an array for: an array each would take six times what is in it. */
const CHUNK_BYTES = 64 * 1024;

/** The fields `labels` of one TimeSeries message. */
export interface LabelFields {
  /** Shared with others, and theirs to keep. */
  readonly chunk: DataView;
  readonly start: number;
  readonly length: number;
}

/** Encodes sorted labels, one set behind the other. */
export function createLabelWriter(): (sorted: readonly Label[]) => LabelFields {
  const scratch = new MessageBuffer();
  let chunk = new DataView(new ArrayBuffer(0));
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
      chunk = new DataView(new ArrayBuffer(Math.max(CHUNK_BYTES, fields.length)));
      used = 0;
    }
    new Uint8Array(chunk.buffer).set(fields, used);
    const start = used;
    used += fields.length;
    return { chunk, start, length: fields.length };
  };
}

/** Puts the fields into the message. */
export function putLabels(out: MessageBuffer, { chunk, start, length }: LabelFields): void {
  out.reserve(length);
  const { bytes, view, pos } = out;
  const last = length - 4;
  // Four bytes at a time: a call that copies takes longer. The last four overlap with those before.
  for (let i = 0; i < last; i += 4) view.setUint32(pos + i, chunk.getUint32(start + i));
  if (last >= 0) view.setUint32(pos + last, chunk.getUint32(start + last));
  else for (let i = 0; i < length; i++) bytes[pos + i] = chunk.getUint8(start + i);
  out.pos = pos + length;
}
