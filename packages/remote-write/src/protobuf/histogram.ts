/**
 * The message Histogram, whose fields both versions of the protocol share.
 *
 * ```proto
 * message Histogram {
 *   oneof count { uint64 count_int = 1; double count_float = 2; }
 *   double sum = 3;
 *   sint32 schema = 4;
 *   double zero_threshold = 5;
 *   oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
 *   repeated BucketSpan negative_spans = 8;
 *   repeated sint64 negative_deltas = 9;    // whole counts, each less the one before
 *   repeated double negative_counts = 10;   // floats, absolute
 *   repeated BucketSpan positive_spans = 11;
 *   repeated sint64 positive_deltas = 12;
 *   repeated double positive_counts = 13;
 *   ResetHint reset_hint = 14;
 *   int64 timestamp = 15;
 *   repeated double custom_values = 16;
 *   int64 start_timestamp = 17;             // 2.0 only, from rc.4 on
 * }
 * message BucketSpan { sint32 offset = 1; uint32 length = 2; }
 * ```
 */
import type { BucketSpan, EpochMs, NativeHistogram } from "@promferry/core/series";
import type protobuf from "protobufjs/minimal.js";
import { type DecodeBudget, takeBucket } from "./decode-budget.ts";
import { type MessageBuffer, writeInt64, writeSint64 } from "./message-buffer.ts";
import { readMessage, readPacked } from "./messages.ts";
import {
  appendSample,
  readDouble,
  readTimestamp,
  type SampleColumns,
  setDouble,
  toNumber,
} from "./sample.ts";

const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;

const COUNT_INT: number = (1 << 3) | VARINT;
const COUNT_FLOAT: number = (2 << 3) | DOUBLE;
const SUM: number = (3 << 3) | DOUBLE;
const SCHEMA: number = (4 << 3) | VARINT;
const ZERO_THRESHOLD: number = (5 << 3) | DOUBLE;
const ZERO_COUNT_INT: number = (6 << 3) | VARINT;
const ZERO_COUNT_FLOAT: number = (7 << 3) | DOUBLE;
const RESET_HINT: number = (14 << 3) | VARINT;
const CUSTOM_VALUES: number = (16 << 3) | BYTES;
const TIMESTAMP: number = (15 << 3) | VARINT;
const START_TIMESTAMP: number = (17 << 3) | VARINT;
const SPAN_OFFSET: number = (1 << 3) | VARINT;
const SPAN_LENGTH: number = (2 << 3) | VARINT;

/** Numbers of the fields `spans`, `deltas` and `counts`. */
const NEGATIVE = { spans: 8, deltas: 9, counts: 10 };
const POSITIVE = { spans: 11, deltas: 12, counts: 13 };

/** By number: the enum ResetHint. */
const RESET_HINTS: readonly NativeHistogram["resetHint"][] = ["unknown", "yes", "no", "gauge"];

const MAX_VARINT_BYTES = 10;
/** A guess that makes the length take two bytes, as it mostly does. */
const USUAL_BYTES = 256;

/**
 * Writes a native histogram as the field `tag`; `null` is the stale marker of a histogram, an empty one
 * whose sum is the marker's NaN.
 *
 * @param histogram Without a `nativeHistogramProblem`.
 * @param startMs 0 is none; in 2.0 only.
 */
export function writeHistogram(
  out: MessageBuffer,
  tag: number,
  histogram: NativeHistogram | null,
  timestampMs: EpochMs,
  startMs: EpochMs,
): void {
  const content = out.beginField(tag, USUAL_BYTES);
  if (histogram === null) {
    putNumber(out, COUNT_INT, 0);
    putDouble(out, SUM, null);
  } else putFields(out, histogram);
  if (timestampMs !== 0) putNumber(out, TIMESTAMP, timestampMs);
  if (histogram && histogram.customBounds.length > 0) putDoubles(out, CUSTOM_VALUES, histogram.customBounds);
  if (startMs !== 0) putNumber(out, START_TIMESTAMP, startMs);
  out.endField(content, USUAL_BYTES);
}

function putFields(out: MessageBuffer, histogram: NativeHistogram): void {
  const { integer, count, sum, schema, zeroThreshold, zeroCount, resetHint } = histogram;
  // Fields of a `oneof` stand there when they are zero, too: they say of which kind the histogram is.
  if (integer) putNumber(out, COUNT_INT, count);
  else putDouble(out, COUNT_FLOAT, count);
  if (!Object.is(sum, 0)) putDouble(out, SUM, sum);
  if (schema !== 0) putSigned(out, SCHEMA, schema);
  if (zeroThreshold !== 0) putDouble(out, ZERO_THRESHOLD, zeroThreshold);
  if (integer) putNumber(out, ZERO_COUNT_INT, zeroCount);
  else putDouble(out, ZERO_COUNT_FLOAT, zeroCount);
  putBuckets(out, NEGATIVE, histogram.negativeSpans, histogram.negativeCounts, integer);
  putBuckets(out, POSITIVE, histogram.positiveSpans, histogram.positiveCounts, integer);
  const hint = RESET_HINTS.indexOf(resetHint);
  if (hint > 0) putNumber(out, RESET_HINT, hint);
}

function putBuckets(
  out: MessageBuffer,
  fields: typeof POSITIVE,
  spans: readonly BucketSpan[],
  counts: readonly number[],
  integer: boolean,
): void {
  for (const { offset, length } of spans) {
    const content = out.beginField((fields.spans << 3) | BYTES, 0);
    if (offset !== 0) putSigned(out, SPAN_OFFSET, offset);
    if (length !== 0) putNumber(out, SPAN_LENGTH, length);
    out.endField(content, 0);
  }
  if (counts.length === 0) return;
  if (integer) putDeltas(out, (fields.deltas << 3) | BYTES, counts);
  else putDoubles(out, (fields.counts << 3) | BYTES, counts);
}

/** Each count as its difference from the one before. */
function putDeltas(out: MessageBuffer, tag: number, counts: readonly number[]): void {
  const content = out.beginField(tag, counts.length);
  out.reserve(counts.length * MAX_VARINT_BYTES);
  let pos = out.pos;
  let previous = 0;
  for (const count of counts) {
    pos = writeSint64(out.bytes, pos, count - previous);
    previous = count;
  }
  out.pos = pos;
  out.endField(content, counts.length);
}

function putDoubles(out: MessageBuffer, tag: number, values: readonly number[]): void {
  out.putUint32(tag);
  out.putUint32(8 * values.length);
  out.reserve(8 * values.length);
  for (const value of values) {
    setDouble(out.view, out.pos, value);
    out.pos += 8;
  }
}

function putDouble(out: MessageBuffer, tag: number, value: number | null): void {
  out.putUint32(tag);
  out.reserve(8);
  setDouble(out.view, out.pos, value);
  out.pos += 8;
}

function putNumber(out: MessageBuffer, tag: number, value: number): void {
  out.putUint32(tag);
  out.reserve(MAX_VARINT_BYTES);
  out.pos = writeInt64(out.bytes, out.pos, value);
}

function putSigned(out: MessageBuffer, tag: number, value: number): void {
  out.putUint32(tag);
  out.reserve(MAX_VARINT_BYTES);
  out.pos = writeSint64(out.bytes, out.pos, value);
}

interface RawBuckets {
  readonly spans: BucketSpan[];
  readonly deltas: number[];
  readonly counts: number[];
}

/**
 * Reads a native histogram and appends it to the columns, as a stale marker where its sum is that of one.
 * Whether its parts fit each other is for `nativeHistogramProblem` to say.
 */
export function readHistogram(reader: protobuf.Reader, columns: SampleColumns, budget: DecodeBudget): void {
  const negative: RawBuckets = { spans: [], deltas: [], counts: [] };
  const positive: RawBuckets = { spans: [], deltas: [], counts: [] };
  const customBounds: number[] = [];
  let count = 0;
  let integer = true;
  let sum: number | null = 0;
  let schema = 0;
  let zeroThreshold = 0;
  let zeroCount = 0;
  let hint = 0;
  let timestampMs = 0;
  let startMs = 0;
  readMessage(reader, (tag) => {
    if (tag === COUNT_INT) {
      count = readCount(reader);
      integer = true;
    } else if (tag === COUNT_FLOAT) {
      count = reader.double();
      integer = false;
    } else if (tag === SUM) sum = readDouble(reader);
    else if (tag === SCHEMA) schema = reader.sint32();
    else if (tag === ZERO_THRESHOLD) zeroThreshold = reader.double();
    else if (tag === ZERO_COUNT_INT) zeroCount = readCount(reader);
    else if (tag === ZERO_COUNT_FLOAT) zeroCount = reader.double();
    else if (tag === RESET_HINT) hint = reader.uint32();
    else if (tag === TIMESTAMP) timestampMs = readTimestamp(reader);
    else if (tag === START_TIMESTAMP) startMs = readTimestamp(reader);
    else {
      return (
        readBuckets(reader, tag, NEGATIVE, negative, budget) ||
        readBuckets(reader, tag, POSITIVE, positive, budget) ||
        readNumbers(reader, tag, CUSTOM_VALUES >>> 3, DOUBLE, () => {
          takeBucket(budget);
          customBounds.push(reader.double());
        })
      );
    }
    return true;
  });
  if (sum === null) {
    appendSample(columns, null, timestampMs, startMs);
    return;
  }
  const histogram: NativeHistogram = {
    schema,
    integer,
    count,
    sum,
    zeroThreshold,
    zeroCount,
    positiveSpans: positive.spans,
    positiveCounts: integer ? added(positive.deltas) : positive.counts,
    negativeSpans: negative.spans,
    negativeCounts: integer ? added(negative.deltas) : negative.counts,
    customBounds,
    resetHint: RESET_HINTS[hint] ?? "unknown",
  };
  appendSample(columns, histogram, timestampMs, startMs);
}

function readBuckets(
  reader: protobuf.Reader,
  tag: number,
  fields: typeof POSITIVE,
  into: RawBuckets,
  budget: DecodeBudget,
): boolean {
  if (tag === ((fields.spans << 3) | BYTES)) {
    takeBucket(budget);
    into.spans.push(readSpan(reader));
    return true;
  }
  const deltas = () => {
    takeBucket(budget);
    into.deltas.push(toNumber(reader.sint64()));
  };
  const counts = () => {
    takeBucket(budget);
    into.counts.push(reader.double());
  };
  return (
    readNumbers(reader, tag, fields.deltas, VARINT, deltas) ||
    readNumbers(reader, tag, fields.counts, DOUBLE, counts)
  );
}

/** A repeated number, packed or not. */
function readNumbers(
  reader: protobuf.Reader,
  tag: number,
  field: number,
  wireType: number,
  read: () => void,
): boolean {
  if (tag === ((field << 3) | BYTES)) readPacked(reader, read);
  else if (tag === ((field << 3) | wireType)) read();
  else return false;
  return true;
}

function readSpan(reader: protobuf.Reader): BucketSpan {
  let offset = 0;
  let length = 0;
  readMessage(reader, (tag) => {
    if (tag === SPAN_OFFSET) offset = reader.sint32();
    else if (tag === SPAN_LENGTH) length = reader.uint32();
    else return false;
    return true;
  });
  return { offset, length };
}

/** Beyond 2^53 it is not exact, which makes the histogram invalid. */
function readCount(reader: protobuf.Reader): number {
  const read = toNumber(reader.uint64());
  return read < 0 ? read + 2 ** 64 : read;
}

function added(deltas: readonly number[]): number[] {
  let count = 0;
  return deltas.map((delta) => {
    count += delta;
    return count;
  });
}
