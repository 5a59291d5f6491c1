import type { Batch, BatchSeries } from "@promferry/core/delivery";
import { type FamilyMetadata, isHistogram, type NativeHistogram } from "@promferry/core/series";
import { putExemplarPoint } from "../protobuf/exemplar.ts";
import { writeHistogram } from "../protobuf/histogram.ts";
import { hasHistograms, isHistogramSeries } from "../protobuf/histogram-series.ts";
import { type MessageBuffer, writeInt64, writeVarint } from "../protobuf/message-buffer.ts";
import { METRIC_TYPES } from "../protobuf/metric-types.ts";
import { USUAL_SAMPLE_BYTES, writeSample, writeSamples } from "../protobuf/sample.ts";
import type { LastMessage } from "./last-message.ts";
import * as schema from "./schema.ts";
import { createStringCache, type LabelEntry, type StringCache, type SymbolEntry } from "./series-strings.ts";

const LONE_SURROGATES = /\p{Surrogate}/gu;

/** What labels and metadata of a series take as a rule. */
const USUAL_SERIES_BYTES = 32;
const MAX_LABEL_BYTES = 10;
const MAX_METADATA_BYTES = 14;

/**
 * The message `io.prometheus.write.v2.Request` of remote write 2.0, not compressed.
 *
 * The symbols table belongs to this message alone: the empty string, then every string where it is
 * first needed, each once. Labels are sorted by code point with `__name__` in its place, empty values
 * are left out. Each series carries type, help and unit of its family. A value of `null` becomes the
 * stale marker, in a series of histograms that of a histogram; every NaN is the one of Prometheus. A series that
 * holds numbers and native histograms becomes several TimeSeries. Start times stand at each sample (rc.4)
 * and, the last one, at the series (up to rc.3). The same batch always makes the same bytes.
 *
 * @param batch As `validateBatch` returns it by the rules of 2.0.
 * @param strings Keeps sorted labels and encoded strings from one call to the next, and the array for the message.
 *   Default: of this call only.
 * @returns With `strings` given, bytes that hold until the next call with them.
 * @throws {RangeError} A label set breaks a rule of the protocol, or a series has no sample.
 */
export function encodeRequestV2(batch: Batch, strings: StringCache = createStringCache()): Uint8Array {
  const symbols = openTable(strings);
  const { buffer: out, last } = strings;
  const headroom = strings.tableBytes;
  out.clear(headroom);
  const repeated = writeRepeated(out, batch.series, last);
  const { table } = last;
  const symbolCount = last.symbolCount(repeated);
  if (repeated === batch.series.length && table !== undefined && symbolCount === last.entries.length) {
    const start = placeTable(out, headroom, table.length, strings);
    out.bytes.set(table, start);
    return out.written(start);
  }
  for (let i = symbols.entries.length; i < symbolCount; i++) refTo(last.entries[i]!, symbols);
  last.cut(repeated, symbols.entries);
  let isColumns = true;
  for (let i = repeated; i < batch.series.length; i++) {
    const entry = batch.series[i]!;
    const { series, family, timestampsMs, values } = entry;
    const { problem, labels } = strings.of(series);
    if (problem) throw new RangeError(`${problem.rule}: ${JSON.stringify(problem.example)}`);
    if (timestampsMs.length === 0)
      throw new RangeError(`series ${JSON.stringify(series.name)} has no sample`);
    const start = out.pos;
    const guess = guessOf(entry);
    const content = out.beginField(schema.TIME_SERIES, guess);
    writeLabels(out, labels, symbols);
    const labelsEnd = out.pos;
    if (isPlain(entry) && writeSamples(out, schema.SAMPLE, timestampsMs, values)) {
      const samplesEnd = out.pos;
      writeMetadata(out, family, symbols);
      if (isColumns) {
        const { bytes } = out;
        const metadata = bytes.subarray(samplesEnd, out.pos);
        last.add(series, family, bytes.subarray(content, labelsEnd), metadata, symbols.entries.length);
      }
      out.endField(content, guess);
    } else {
      isColumns = false;
      out.pos = start;
      writeRuns(out, entry, labels, symbols);
    }
  }
  return putTableBefore(out, headroom, symbols);
}

function isPlain(entry: BatchSeries): boolean {
  return !entry.exemplars && !entry.startsMs && !isHistogramSeries(entry);
}

function guessOf({ timestampsMs }: BatchSeries): number {
  return timestampsMs.length * USUAL_SAMPLE_BYTES + USUAL_SERIES_BYTES;
}

/** Writes the series that the last message began with, up to the first one that is another; gives their number. */
function writeRepeated(out: MessageBuffer, all: readonly BatchSeries[], last: LastMessage): number {
  const { fields, labelEnds, metadataEnds } = last;
  const count = Math.min(all.length, last.seriesCount);
  for (let i = 0; i < count; i++) {
    const entry = all[i]!;
    const { series, family, timestampsMs, values } = entry;
    if (!last.has(i, series, family) || !isPlain(entry) || timestampsMs.length === 0) return i;
    const start = out.pos;
    const guess = guessOf(entry);
    const content = out.beginField(schema.TIME_SERIES, guess);
    copyField(out, fields, last.start(i), labelEnds[i]!);
    if (!writeSamples(out, schema.SAMPLE, timestampsMs, values)) {
      out.pos = start;
      return i;
    }
    copyField(out, fields, labelEnds[i]!, metadataEnds[i]!);
    out.endField(content, guess);
  }
  return count;
}

/** A few bytes at a time: a call that copies takes longer. */
function copyField(out: MessageBuffer, from: Uint8Array, start: number, end: number): void {
  out.reserve(end - start);
  const { bytes } = out;
  let { pos } = out;
  for (let i = start; i < end; i++) bytes[pos++] = from[i]!;
  out.pos = pos;
}

/** A TimeSeries has samples or histograms, never both, so each run of the same kind is one. */
function writeRuns(
  out: MessageBuffer,
  entry: BatchSeries,
  labels: readonly LabelEntry[],
  symbols: SymbolTable,
): void {
  const { family, timestampsMs, values, startsMs } = entry;
  const withHistograms = hasHistograms(entry);
  const isOfHistogram = (row: number) =>
    isHistogram(values[row]!) || (values[row] === null && withHistograms);
  for (let from = 0, to = 0; from < values.length; from = to) {
    const ofHistograms = isOfHistogram(from);
    while (to < values.length && isOfHistogram(to) === ofHistograms) to++;
    const content = out.beginField(schema.TIME_SERIES, USUAL_SERIES_BYTES);
    writeLabels(out, labels, symbols);
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      const startMs = startsMs?.get(i) ?? 0;
      if (isHistogram(value) || ofHistograms)
        writeHistogram(out, schema.HISTOGRAM, value as NativeHistogram | null, timestampsMs[i]!, startMs);
      else writeSample(out, schema.SAMPLE, value, timestampsMs[i]!, startMs);
    }
    if (entry.exemplars) writeExemplars(out, entry.exemplars, from, to, symbols);
    writeMetadata(out, family, symbols);
    const createdMs = startsMs?.get(to - 1) ?? 0;
    if (createdMs !== 0) {
      out.reserve(MAX_LABEL_BYTES + 1);
      out.bytes[out.pos] = schema.CREATED_TIMESTAMP;
      out.pos = writeInt64(out.bytes, out.pos + 1, createdMs);
    }
    out.endField(content, USUAL_SERIES_BYTES);
  }
}

function writeExemplars(
  out: MessageBuffer,
  exemplars: NonNullable<BatchSeries["exemplars"]>,
  from: number,
  to: number,
  symbols: SymbolTable,
): void {
  for (let i = from; i < to; i++) {
    for (const exemplar of exemplars.get(i) ?? []) {
      const content = out.beginField(schema.EXEMPLAR, 0);
      if (exemplar.labels.length > 0) {
        const refs = out.beginField(schema.LABELS_REFS, 0);
        for (const { name, value } of exemplar.labels) {
          out.putUint32(refToText(name, symbols));
          out.putUint32(refToText(value, symbols));
        }
        out.endField(refs, 0);
      }
      putExemplarPoint(out, exemplar);
      out.endField(content, 0);
    }
  }
}

/** A reader that streams needs the table before the series, and only now is it complete. */
function putTableBefore(
  out: MessageBuffer,
  headroom: number,
  { strings, entries, length }: SymbolTable,
): Uint8Array {
  const start = placeTable(out, headroom, length, strings);
  let pos = start;
  for (const { bytes } of entries) {
    out.bytes.set(bytes, pos);
    pos += bytes.length;
  }
  strings.last.table = new Uint8Array(out.bytes.subarray(start, pos));
  return out.written(start);
}

/** Makes room for so many bytes before the series; gives where they begin. */
function placeTable(out: MessageBuffer, headroom: number, length: number, strings: StringCache): number {
  if (length > headroom) {
    out.shift(headroom, length - headroom);
    strings.tableBytes = length;
  }
  return Math.max(0, headroom - length);
}

function writeLabels(out: MessageBuffer, labels: readonly LabelEntry[], table: SymbolTable): void {
  const guess = 2 * labels.length;
  const content = out.beginField(schema.LABELS_REFS, guess);
  out.reserve(labels.length * MAX_LABEL_BYTES);
  const { bytes, view } = out;
  let pos = content;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label.table !== table.number) enterLabel(label, table);
    if (label.packedLength > 0) {
      view.setUint32(pos, label.packedRefs, true);
      pos += label.packedLength;
    } else {
      pos = writeVarint(bytes, pos, label.name.ref);
      pos = writeVarint(bytes, pos, label.value.ref);
    }
  }
  out.pos = pos;
  out.endField(content, guess);
}

function writeMetadata(out: MessageBuffer, family: FamilyMetadata, table: SymbolTable): void {
  if (family !== table.lastFamily) enterFamily(family, table);
  const { type, helpRef, unitRef } = table;
  if (type <= 0 && helpRef === 0 && unitRef === 0) return;
  const content = out.beginField(schema.METADATA, 0);
  out.reserve(MAX_METADATA_BYTES);
  const { bytes } = out;
  let pos = content;
  if (type > 0) pos = writeNumber(bytes, pos, schema.METADATA_TYPE, type);
  if (helpRef > 0) pos = writeNumber(bytes, pos, schema.METADATA_HELP_REF, helpRef);
  if (unitRef > 0) pos = writeNumber(bytes, pos, schema.METADATA_UNIT_REF, unitRef);
  out.pos = pos;
  out.endField(content, 0);
}

function writeNumber(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag;
  return writeVarint(bytes, at + 1, value);
}

/** The strings of one message, in the order of their first use. */
interface SymbolTable {
  readonly strings: StringCache;
  readonly number: number;
  readonly entries: SymbolEntry[];
  /** Of all entries, in bytes. */
  length: number;
  /** Several series in a row have one family, as a rule; the rest is what stands in its metadata. */
  lastFamily: FamilyMetadata | undefined;
  type: number;
  helpRef: number;
  unitRef: number;
}

function openTable(strings: StringCache): SymbolTable {
  const number = strings.nextTable();
  const family = { lastFamily: undefined, type: 0, helpRef: 0, unitRef: 0 };
  const table: SymbolTable = { strings, number, entries: [], length: 0, ...family };
  refTo(strings.symbol(""), table);
  return table;
}

function refTo(entry: SymbolEntry, table: SymbolTable): number {
  if (entry.table !== table.number) {
    entry.table = table.number;
    entry.ref = table.entries.length;
    table.entries.push(entry);
    table.length += entry.bytes.length;
  }
  return entry.ref;
}

function refToText(text: string, table: SymbolTable): number {
  return text === "" ? 0 : refTo(table.strings.symbol(wellFormed(text)), table);
}

function enterFamily(family: FamilyMetadata, table: SymbolTable): void {
  const { lastFamily } = table;
  table.lastFamily = family;
  const { type, help, unit } = family;
  if (type === lastFamily?.type && help === lastFamily.help && unit === lastFamily.unit) return;
  table.type = METRIC_TYPES.indexOf(type);
  table.helpRef = refToText(help, table);
  table.unitRef = refToText(unit, table);
}

function enterLabel(label: LabelEntry, table: SymbolTable): void {
  const name = refTo(label.name, table);
  const value = refTo(label.value, table);
  label.table = table.number;
  label.packedLength = name < 1 << 14 && value < 1 << 14 ? (name < 128 ? 1 : 2) + (value < 128 ? 1 : 2) : 0;
  label.packedRefs = packed(name) | (packed(value) << (name < 128 ? 8 : 16));
}

/** A number below 2^14 as a varint of one or two bytes. */
function packed(value: number): number {
  return value < 128 ? value : (value & 127) | 128 | ((value >> 7) << 8);
}

/** Half a surrogate pair is no reason to refuse samples, but it has no UTF-8. */
function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, "\ufffd");
}
