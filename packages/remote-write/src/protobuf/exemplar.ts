/**
 * The message Exemplar: labels, which each version writes in its own way, and two fields that both have.
 *
 * ```proto
 * double value = 2;
 * int64 timestamp = 3;
 * ```
 */
import type { Exemplar } from "@promferry/core/series";
import { type MessageBuffer, writeInt64 } from "./message-buffer.ts";
import { setDouble } from "./sample.ts";

export const EXEMPLAR_VALUE: number = (2 << 3) | 1;
export const EXEMPLAR_TIMESTAMP: number = (3 << 3) | 0;

const MAX_BYTES = 20;

/** Writes value and timestamp behind the labels. */
export function putExemplarPoint(out: MessageBuffer, { value, timestampMs }: Exemplar): void {
  out.reserve(MAX_BYTES);
  const { bytes, view } = out;
  let { pos } = out;
  if (!Object.is(value, 0)) {
    bytes[pos] = EXEMPLAR_VALUE;
    setDouble(view, pos + 1, value);
    pos += 9;
  }
  if (timestampMs !== 0) {
    bytes[pos] = EXEMPLAR_TIMESTAMP;
    pos = writeInt64(bytes, pos + 1, timestampMs);
  }
  out.pos = pos;
}
