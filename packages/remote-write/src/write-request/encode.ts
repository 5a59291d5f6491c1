import type { Batch } from "@promferry/core/delivery";
import { USUAL_SAMPLE_BYTES, writeSamples } from "../protobuf/sample.ts";
import { SAMPLE, TIME_SERIES } from "./schema.ts";
import { createLabelCache, type LabelCache } from "./series-labels.ts";

/**
 * The WriteRequest message of remote write 1.0, not compressed.
 *
 * Labels are sorted by code point with `__name__` in its place, empty values are left out. A value
 * of `null` becomes the stale marker, every NaN the one of Prometheus. The same batch always makes
 * the same bytes.
 *
 * @param batch As `validateBatch` returns it: timestamps are whole milliseconds, strictly ascending.
 * @param labels Keeps encoded labels from one call to the next, and the array for the message. Default: of this call
 *   only.
 * @returns With `labels` given, bytes that hold until the next call with them.
 * @throws {RangeError} A label set breaks a rule of the protocol.
 */
export function encodeWriteRequest(batch: Batch, labels: LabelCache = createLabelCache()): Uint8Array {
  const out = labels.buffer;
  out.clear();
  for (const { series, timestampsMs, values } of batch.series) {
    const { problem, bytes } = labels.of(series);
    if (problem) throw new RangeError(`${problem.rule}: ${JSON.stringify(problem.example)}`);
    const guess = bytes.length + timestampsMs.length * USUAL_SAMPLE_BYTES;
    const content = out.beginField(TIME_SERIES, guess);
    out.putBytes(bytes);
    writeSamples(out, SAMPLE, timestampsMs, values);
    out.endField(content, guess);
  }
  return out.written();
}
