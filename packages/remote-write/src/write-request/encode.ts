import type { Batch, BatchSeries } from "@promferry/core/delivery";
import { isHistogram } from "@promferry/core/series";
import { putExemplarPoint } from "../protobuf/exemplar.ts";
import { writeHistogram } from "../protobuf/histogram.ts";
import { hasHistograms, isHistogramSeries } from "../protobuf/histogram-series.ts";
import type { MessageBuffer } from "../protobuf/message-buffer.ts";
import { USUAL_SAMPLE_BYTES, writeSample, writeSamples } from "../protobuf/sample.ts";
import * as schema from "./schema.ts";
import { createLabelCache, type LabelCache } from "./series-labels.ts";

/**
 * The WriteRequest message of remote write 1.0, not compressed.
 *
 * Labels are sorted by code point with `__name__` in its place, empty values are left out. A value
 * of `null` becomes the stale marker, every NaN the one of Prometheus. The same batch always makes
 * the same bytes. Exemplars and native histograms, no part of the specification, go as Prometheus sends
 * them, those of native histograms in a TimeSeries of their own; a stale marker is a histogram's in a series of histograms.
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
  for (const entry of batch.series) {
    const { series, timestampsMs, values, exemplars } = entry;
    const { problem, bytes } = labels.of(series);
    if (problem) throw new RangeError(`${problem.rule}: ${JSON.stringify(problem.example)}`);
    const guess = bytes.length + timestampsMs.length * USUAL_SAMPLE_BYTES;
    const content = out.beginField(schema.TIME_SERIES, guess);
    out.putBytes(bytes);
    const isPlain = !isHistogramSeries(entry) && writeSamples(out, schema.SAMPLE, timestampsMs, values);
    if (!isPlain) writeMixed(out, entry);
    if (exemplars && isPlain) writeExemplars(out, entry, exemplars);
    out.endField(content, guess);
    if (exemplars && !isPlain) {
      // Prometheus takes a message's exemplars before its histograms, and drops those of a series that it doesn't have yet.
      const own = out.beginField(schema.TIME_SERIES, bytes.length);
      out.putBytes(bytes);
      writeExemplars(out, entry, exemplars);
      out.endField(own, bytes.length);
    }
  }
  return out.written();
}

/** Samples and native histograms, each in a field of its own. */
function writeMixed(out: MessageBuffer, entry: BatchSeries): void {
  const { timestampsMs, values } = entry;
  const withHistograms = hasHistograms(entry);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const timestampMs = timestampsMs[i]!;
    if (isHistogram(value) || (value === null && withHistograms))
      writeHistogram(out, schema.HISTOGRAM, value, timestampMs, 0);
    else writeSample(out, schema.SAMPLE, value, timestampMs, 0);
  }
}

function writeExemplars(
  out: MessageBuffer,
  { timestampsMs }: BatchSeries,
  exemplars: NonNullable<BatchSeries["exemplars"]>,
): void {
  for (let i = 0; i < timestampsMs.length; i++) {
    for (const exemplar of exemplars.get(i) ?? []) {
      const content = out.beginField(schema.EXEMPLAR, 0);
      for (const { name, value } of exemplar.labels) {
        const label = out.beginField(schema.LABEL, 0);
        out.putText(schema.LABEL_NAME, name);
        out.putText(schema.LABEL_VALUE, value);
        out.endField(label, 0);
      }
      putExemplarPoint(out, exemplar);
      out.endField(content, 0);
    }
  }
}
