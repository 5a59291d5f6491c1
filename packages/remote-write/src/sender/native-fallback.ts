import {
  type Batch,
  type BatchSeries,
  DeliveryError,
  type Destination,
  type Receipt,
  type Refusal,
  type SendOptions,
} from "@promferry/core/delivery";
import { isHistogram, pickEntries, type SampleValue } from "@promferry/core/series";
import { isHistogramSeries } from "../protobuf/histogram-series.ts";

/** Leaves native histograms out once a receiver has shown that it takes none. */
export interface NativeFallback {
  /** What goes of a batch by what is known now, and what stays. */
  reduce(batch: Batch): { readonly batch: Batch; readonly refused: readonly Refusal[] };
  send(batch: Batch, options?: SendOptions): Promise<Receipt>;
}

/**
 * A Prometheus that was started without its feature `native-histograms` answers 500 to every request that holds one, and
 * stores nothing of it. Tried again and taken apart, each scrape would take longer than the time to the next.
 *
 * So a batch that fails with 500 a second time is taken apart by kind. Where its native histograms fail alone, before the rest
 * is taken and after it, they are refused, and so are all others for the life of this object, without a request.
 *
 * @param onRefused Called once, when that is known.
 */
export function createNativeFallback(
  sendAll: Destination["send"],
  onRefused: () => void = () => {},
): NativeFallback {
  let reason: string | undefined;

  function reduce(batch: Batch): ReturnType<NativeFallback["reduce"]> {
    if (reason === undefined) return { batch, refused: [] };
    const { native, rest } = splitByKind(batch);
    if (native.sampleCount === 0) return { batch, refused: [] };
    return { batch: rest, refused: [{ reason, count: native.sampleCount }] };
  }

  async function sendApart(batch: Batch, options: SendOptions, failure: DeliveryError): Promise<Receipt> {
    const { native, rest } = splitByKind(batch);
    if (native.sampleCount === 0 || rest.sampleCount === 0) throw failure;
    const sendNative = () =>
      sendAll(native, options).catch((error: unknown) => {
        if (isFault(error)) return undefined;
        throw error;
      });
    const before = await sendNative();
    const others = await sendAll(rest, options);
    // A receiver that was only just recovering takes them now.
    const taken = before ?? (await sendNative());
    if (taken !== undefined) return sumOf(others, taken);
    reason = `the receiver takes no native histograms: ${failure.message}`;
    onRefused();
    return withRefused(others, [{ reason, count: native.sampleCount }]);
  }

  return {
    reduce,
    async send(batch, options = {}) {
      const { batch: rest, refused } = reduce(batch);
      try {
        return withRefused(await sendAll(rest, options), refused);
      } catch (error) {
        if (reason !== undefined || !isFault(error) || (options.attempt ?? 1) < 2) throw error;
        return sendApart(batch, options, error);
      }
    },
  };
}

function isFault(error: unknown): error is DeliveryError {
  return error instanceof DeliveryError && error.status === 500;
}

function sumOf(a: Receipt, b: Receipt): Receipt {
  return {
    accepted: a.accepted + b.accepted,
    refused: [...a.refused, ...b.refused],
    unknown: a.unknown + b.unknown,
    leftOut: [...(a.leftOut ?? []), ...(b.leftOut ?? [])],
  };
}

function withRefused(receipt: Receipt, refused: readonly Refusal[]): Receipt {
  return refused.length === 0 ? receipt : { ...receipt, refused: [...receipt.refused, ...refused] };
}

/** What goes as native histograms, their stale markers among them, and everything else. */
function splitByKind({ series }: Batch): { readonly native: Batch; readonly rest: Batch } {
  const native: BatchSeries[] = [];
  const rest: BatchSeries[] = [];
  for (const entry of series) {
    const isMarked = isHistogramSeries(entry);
    const isNative = (value: SampleValue) => isHistogram(value) || (isMarked && value === null);
    if (!entry.values.some(isNative)) rest.push(entry);
    else if (entry.values.every(isNative)) native.push(entry);
    else {
      native.push(rowsOf(entry, isNative));
      rest.push(rowsOf(entry, (value) => !isNative(value)));
    }
  }
  return { native: batchOf(native), rest: batchOf(rest) };
}

function rowsOf(entry: BatchSeries, has: (value: SampleValue) => boolean): BatchSeries {
  const rows = [...entry.values.keys()].filter((row) => has(entry.values[row]!));
  const { series, family, exemplars, startsMs } = entry;
  return {
    series,
    family,
    timestampsMs: rows.map((row) => entry.timestampsMs[row]!),
    values: rows.map((row) => entry.values[row]!),
    ...(exemplars && { exemplars: pickEntries(exemplars, rows) }),
    ...(startsMs && { startsMs: pickEntries(startsMs, rows) }),
  };
}

function batchOf(series: readonly BatchSeries[]): Batch {
  return { series, sampleCount: series.reduce((sum, { values }) => sum + values.length, 0) };
}
