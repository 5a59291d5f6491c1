/**
 * The message Sample, which both versions of the protocol share.
 *
 * ```proto
 * message Sample {
 *   double value = 1;
 *   int64 timestamp = 2;
 *   int64 start_timestamp = 3;  // 2.0 only, from rc.4 on; neither written nor read here
 * }
 * ```
 */
import type { EpochMs, SampleValue } from "@promferry/core/series";
import type protobuf from "protobufjs/minimal.js";
import { readMessage } from "./messages.ts";

const VALUE = (1 << 3) | 1;
const TIMESTAMP = (2 << 3) | 0;

/** Halves of a 64-bit pattern, in the shape of protobufjs' Long. */
interface Bits64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: true;
}

/** 0x7ff0000000000002, which says that the series has ended (1.0, "Stale Markers"; 2.0, "Samples and Histogram Samples"). */
const STALE_MARKER: Bits64 = { low: 2, high: 0x7ff00000, unsigned: true };

/** 0x7ff8000000000001, the NaN of Prometheus' `model/value`. */
const NORMAL_NAN: Bits64 = { low: 1, high: 0x7ff80000, unsigned: true };

/**
 * Writes a sample as the field `tag`. Fields that are zero are absent, as protobuf 3 has it;
 * negative zero is not zero.
 */
export function writeSample(
  writer: protobuf.Writer,
  tag: number,
  value: SampleValue,
  timestampMs: EpochMs,
): void {
  writer.uint32(tag).fork();
  // As bits: an engine may change the payload of a NaN that it handles as a number.
  if (value === null) writer.uint32(VALUE).fixed64(STALE_MARKER);
  else if (Number.isNaN(value)) writer.uint32(VALUE).fixed64(NORMAL_NAN);
  else if (!Object.is(value, 0)) writer.uint32(VALUE).double(value);
  if (timestampMs !== 0) writer.uint32(TIMESTAMP).int64(timestampMs);
  writer.ldelim();
}

/** Reads a sample and appends it to the columns. */
export function readSample(reader: protobuf.Reader, timestampsMs: EpochMs[], values: SampleValue[]): void {
  let value: SampleValue = 0;
  let timestampMs = 0;
  readMessage(reader, (tag) => {
    if (tag === VALUE) value = readValue(reader);
    else if (tag === TIMESTAMP) timestampMs = readTimestamp(reader);
    else return false;
    return true;
  });
  timestampsMs.push(timestampMs);
  values.push(value);
}

function readValue(reader: protobuf.Reader): SampleValue {
  const start = reader.pos;
  const value = reader.double();
  if (!Number.isNaN(value)) return value;
  const bits = new DataView(reader.buf.buffer, reader.buf.byteOffset + start, 8);
  const { low, high } = STALE_MARKER;
  return bits.getUint32(0, true) === low && bits.getUint32(4, true) === high ? null : Number.NaN;
}

function readTimestamp(reader: protobuf.Reader): EpochMs {
  // protobufjs gives a number where its optional package `long` is missing or bundled as a module.
  const read: number | { readonly low: number; readonly high: number } = reader.int64();
  const timestampMs = typeof read === "number" ? read : read.high * 2 ** 32 + (read.low >>> 0);
  if (!Number.isSafeInteger(timestampMs)) throw new RangeError("a timestamp is beyond 2^53 milliseconds");
  return timestampMs;
}
