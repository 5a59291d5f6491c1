import type { Batch } from "@promferry/core/delivery";
import protobuf from "protobufjs/minimal.js";
import { writeSample } from "../protobuf/sample.ts";
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
 * @param labels Keeps encoded labels from one call to the next. Default: of this call only.
 * @throws {RangeError} A label set breaks a rule of the protocol.
 */
export function encodeWriteRequest(batch: Batch, labels: LabelCache = createLabelCache()): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { series, timestampsMs, values } of batch.series) {
    const { problem, bytes } = labels.of(series);
    if (problem) throw new RangeError(`${problem.rule}: ${JSON.stringify(problem.example)}`);
    writer.uint32(TIME_SERIES).fork();
    writer.raw(bytes);
    for (let i = 0; i < timestampsMs.length; i++) writeSample(writer, SAMPLE, values[i]!, timestampsMs[i]!);
    writer.ldelim();
  }
  return writer.finish();
}
