import type { Batch } from "@promferry/core/delivery";
import type { FamilyMetadata } from "@promferry/core/series";
import protobuf from "protobufjs/minimal.js";
import { METRIC_TYPES } from "../protobuf/metric-types.ts";
import { writeSample } from "../protobuf/sample.ts";
import * as schema from "./schema.ts";
import { createStringCache, type StringCache } from "./series-strings.ts";

const LONE_SURROGATES = /\p{Surrogate}/gu;

/**
 * The message `io.prometheus.write.v2.Request` of remote write 2.0, not compressed.
 *
 * The symbols table belongs to this message alone: the empty string, then every string where it is
 * first needed, each once. Labels are sorted by code point with `__name__` in its place, empty values
 * are left out. Each series carries type, help and unit of its family. A value of `null` becomes the
 * stale marker, every NaN the one of Prometheus. Start times, exemplars and native histograms are not
 * written, since a {@link Batch} does not hold them. The same batch always makes the same bytes.
 *
 * @param batch As `validateBatch` returns it by the rules of 2.0.
 * @param strings Keeps sorted labels from one call to the next. Default: of this call only.
 * @throws {RangeError} A label set breaks a rule of the protocol, or a series has no sample.
 */
export function encodeRequestV2(batch: Batch, strings: StringCache = createStringCache()): Uint8Array {
  const symbols = createSymbols();
  const body = protobuf.Writer.create();
  for (const { series, family, timestampsMs, values } of batch.series) {
    const { problem, strings: labels } = strings.of(series);
    if (problem) throw new RangeError(`${problem.rule}: ${JSON.stringify(problem.example)}`);
    if (timestampsMs.length === 0)
      throw new RangeError(`series ${JSON.stringify(series.name)} has no sample`);
    body.uint32(schema.TIME_SERIES).fork();
    body.uint32(schema.LABELS_REFS).fork();
    for (const text of labels) body.uint32(symbols.refTo(text));
    body.ldelim();
    for (let i = 0; i < timestampsMs.length; i++) {
      writeSample(body, schema.SAMPLE, values[i]!, timestampsMs[i]!);
    }
    writeMetadata(body, family, symbols);
    body.ldelim();
  }
  const head = protobuf.Writer.create();
  for (const symbol of symbols.all()) head.uint32(schema.SYMBOL).string(symbol);
  // Before the series, as a reader that streams needs it; only now is the table complete.
  return head.raw(body.finish()).finish();
}

function writeMetadata(writer: protobuf.Writer, family: FamilyMetadata, symbols: Symbols): void {
  const type = METRIC_TYPES.indexOf(family.type);
  const helpRef = symbols.refTo(wellFormed(family.help));
  const unitRef = symbols.refTo(wellFormed(family.unit));
  if (type <= 0 && helpRef === 0 && unitRef === 0) return;
  writer.uint32(schema.METADATA).fork();
  if (type > 0) writer.uint32(schema.METADATA_TYPE).uint32(type);
  if (helpRef > 0) writer.uint32(schema.METADATA_HELP_REF).uint32(helpRef);
  if (unitRef > 0) writer.uint32(schema.METADATA_UNIT_REF).uint32(unitRef);
  writer.ldelim();
}

/** Half a surrogate pair is no reason to refuse samples, but it has no UTF-8. */
function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, "\ufffd");
}

interface Symbols {
  refTo(text: string): number;
  all(): Iterable<string>;
}

function createSymbols(): Symbols {
  const refs = new Map([["", 0]]);
  return {
    refTo(text) {
      let ref = refs.get(text);
      if (ref === undefined) {
        ref = refs.size;
        refs.set(text, ref);
      }
      return ref;
    },
    all: () => refs.keys(),
  };
}
