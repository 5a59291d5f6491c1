/**
 * The message Sample, which both versions of the protocol share.
 *
 * ```proto
 * message Sample {
 *   double value = 1;
 *   int64 timestamp = 2;
 *   int64 start_timestamp = 3;  // 2.0 only, from rc.4 on
 * }
 * ```
 */
import { type EpochMs, isHistogram, type SampleValue } from "@promferry/core/series";
import type protobuf from "protobufjs/minimal.js";
import { type MessageBuffer, writeInt64 } from "./message-buffer.ts";
import { readMessage } from "./messages.ts";

const VALUE = (1 << 3) | 1;
const TIMESTAMP = (2 << 3) | 0;
const START_TIMESTAMP = (3 << 3) | 0;

/** Halves of a 64-bit pattern. */
interface Bits64 {
  readonly low: number;
  readonly high: number;
}

/** 0x7ff0000000000002, which says that the series has ended (1.0, "Stale Markers"; 2.0, "Samples and Histogram Samples"). */
const STALE_MARKER: Bits64 = { low: 2, high: 0x7ff00000 };

/** 0x7ff8000000000001, the NaN of Prometheus' `model/value`. */
const NORMAL_NAN: Bits64 = { low: 1, high: 0x7ff80000 };

/** With a start time. */
const MAX_SAMPLE_BYTES = 33;
/** What {@link writeSamples} makes of a value that is not zero, at an instant between 1971 and 2109. */
export const USUAL_SAMPLE_BYTES = 18;
const EARLIEST_USUAL_MS = 2 ** 35;
const LATEST_USUAL_MS = 2 ** 42 - 1;

/**
 * Writes a column of samples, each as the field `tag`. Fields that are zero are absent, as protobuf 3 has it;
 * negative zero is not zero.
 *
 * @returns False, and nothing is written, where one of them is a native histogram.
 */
export function writeSamples(
  out: MessageBuffer,
  tag: number,
  timestampsMs: readonly EpochMs[],
  values: readonly SampleValue[],
): boolean {
  const count = timestampsMs.length;
  out.reserve(count * MAX_SAMPLE_BYTES);
  const { bytes, view } = out;
  const head = tag | ((USUAL_SAMPLE_BYTES - 2) << 8) | (VALUE << 16);
  let pos = out.pos;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    const timestampMs = timestampsMs[i]!;
    const isUsual =
      typeof value === "number" &&
      (value > 0 || value < 0) &&
      timestampMs >= EARLIEST_USUAL_MS &&
      timestampMs <= LATEST_USUAL_MS;
    if (!isUsual) {
      if (isHistogram(value)) return false;
      pos = writeAnySample(out, pos, tag, value, timestampMs, 0);
      continue;
    }
    // The last byte of four is overwritten by the first of the value.
    view.setUint32(pos, head, true);
    view.setFloat64(pos + 3, value, true);
    bytes[pos + 11] = TIMESTAMP;
    // Six bytes: seven bits in each, the eighth says that more follow.
    const low = timestampMs | 0;
    const four = (low & 0x7f) | ((low & 0x3f80) << 1) | ((low & 0x1fc000) << 2) | ((low & 0xfe00000) << 3);
    view.setUint32(pos + 12, four | 0x80808080, true);
    const high = Math.floor(timestampMs / 2 ** 28);
    view.setUint16(pos + 16, (high & 0x7f) | ((high & 0x3f80) << 1) | 0x80, true);
    pos += USUAL_SAMPLE_BYTES;
  }
  out.pos = pos;
  return true;
}

/** Writes one sample as the field `tag`; a start time of 0 is none, and 2.0 has it alone. */
export function writeSample(
  out: MessageBuffer,
  tag: number,
  value: number | null,
  timestampMs: EpochMs,
  startMs: EpochMs,
): void {
  out.reserve(MAX_SAMPLE_BYTES);
  out.pos = writeAnySample(out, out.pos, tag, value, timestampMs, startMs);
}

/** @returns The position behind the sample, for which there is room. */
function writeAnySample(
  { bytes, view }: MessageBuffer,
  start: number,
  tag: number,
  value: number | null,
  timestampMs: EpochMs,
  startMs: EpochMs,
): number {
  let pos = start + 2;
  if (!Object.is(value, 0)) {
    bytes[pos] = VALUE;
    setDouble(view, pos + 1, value);
    pos += 9;
  }
  if (timestampMs !== 0) {
    bytes[pos] = TIMESTAMP;
    pos = writeInt64(bytes, pos + 1, timestampMs);
  }
  if (startMs !== 0) {
    bytes[pos] = START_TIMESTAMP;
    pos = writeInt64(bytes, pos + 1, startMs);
  }
  bytes[start] = tag;
  bytes[start + 1] = pos - start - 2;
  return pos;
}

/** `null` as the stale marker, every NaN as the one of Prometheus. */
export function setDouble(view: DataView, at: number, value: number | null): void {
  if (value !== null && !Number.isNaN(value)) {
    view.setFloat64(at, value, true);
    return;
  }
  // As bits: an engine may change the payload of a NaN that it handles as a number.
  const { low, high } = value === null ? STALE_MARKER : NORMAL_NAN;
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}

/** The columns of one series while it is being read. */
export interface SampleColumns {
  readonly timestampsMs: EpochMs[];
  readonly values: SampleValue[];
  startsMs?: Map<number, EpochMs>;
}

/** Reads a sample and appends it to the columns. */
export function readSample(reader: protobuf.Reader, columns: SampleColumns): void {
  let value: number | null = 0;
  let timestampMs = 0;
  let startMs = 0;
  readMessage(reader, (tag) => {
    if (tag === VALUE) value = readDouble(reader);
    else if (tag === TIMESTAMP) timestampMs = readTimestamp(reader);
    else if (tag === START_TIMESTAMP) startMs = readTimestamp(reader);
    else return false;
    return true;
  });
  appendSample(columns, value, timestampMs, startMs);
}

/** @param startMs 0 says that it is unset (2.0, "Samples and Histogram Samples"); one before 1970 is no start. */
export function appendSample(
  columns: SampleColumns,
  value: SampleValue,
  timestampMs: EpochMs,
  startMs: EpochMs,
): void {
  if (startMs > 0) {
    columns.startsMs ??= new Map();
    columns.startsMs.set(columns.values.length, startMs);
  }
  columns.timestampsMs.push(timestampMs);
  columns.values.push(value);
}

/** A double; `null` where it is the stale marker. */
export function readDouble(reader: protobuf.Reader): number | null {
  const start = reader.pos;
  const value = reader.double();
  if (!Number.isNaN(value)) return value;
  const bits = new DataView(reader.buf.buffer, reader.buf.byteOffset + start, 8);
  const { low, high } = STALE_MARKER;
  return bits.getUint32(0, true) === low && bits.getUint32(4, true) === high ? null : Number.NaN;
}

/** @throws {RangeError} It is beyond 2^53 milliseconds. */
export function readTimestamp(reader: protobuf.Reader): EpochMs {
  const timestampMs = toNumber(reader.int64());
  if (!Number.isSafeInteger(timestampMs)) throw new RangeError("a timestamp is beyond 2^53 milliseconds");
  return timestampMs;
}

/** Signed; protobufjs gives a number where its optional package `long` is missing or bundled as a module. */
export function toNumber(read: number | { readonly low: number; readonly high: number }): number {
  return typeof read === "number" ? read : read.high * 2 ** 32 + (read.low >>> 0);
}
