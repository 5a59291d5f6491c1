import type { EpochMs, Exemplar, FamilyMetadata, SampleValue, Series } from "../series/series.ts";

/** One series' samples of a batch, strictly ascending in time. */
export interface BatchSeries {
  readonly series: Series;
  readonly family: FamilyMetadata;
  readonly timestampsMs: readonly EpochMs[];
  /** As many as timestamps; `null` is a stale marker, an object a native histogram. */
  readonly values: readonly SampleValue[];
  /** By row: exemplars that came with a sample. Those without a timestamp have the sample's. */
  readonly exemplars?: ReadonlyMap<number, readonly Exemplar[]>;
  /** By row: since when the series had been counting, where the source said so. */
  readonly startsMs?: ReadonlyMap<number, EpochMs>;
}

/** What one `send` carries. Each series stands in it once. */
export interface Batch {
  readonly series: readonly BatchSeries[];
  /**
   * Samples over all series, native histograms and stale markers included. Exemplars and start times are
   * no samples: a destination that has no place for them leaves them out and counts them nowhere.
   */
  readonly sampleCount: number;
}

/** What a destination takes at the most. */
export interface DestinationLimits {
  /** Samples in one batch. */
  readonly maxSamples: number;
  /** Bytes of one request's body before compression. */
  readonly maxBytes: number;
  /**
   * Whether name and labels stand once for each series of a request, whatever the number of its samples. Default
   * false: they stand with each sample, and requests are cut accordingly.
   */
  readonly labelsOnce?: boolean;
  /** Samples later than now plus this are refused by the receiver; absent: no bound is known. */
  readonly maxFutureMs?: number;
}

/** One HTTP request, ready but for its credentials. */
export interface EncodedRequest {
  /** GET and HEAD only ask; no batch becomes one. */
  readonly method: "POST" | "PUT" | "DELETE" | "GET" | "HEAD";
  readonly url: string;
  /** Without `Authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Samples that did not go in, and why. */
export interface Refusal {
  /** The receiver's words, bounded, or our own rule. */
  readonly reason: string;
  readonly count: number;
}

/** What a batch becomes before a socket is opened. */
export interface EncodedBatch {
  /** In the order in which they are made. */
  readonly requests: readonly EncodedRequest[];
  /** What the destination refuses by its own rules; the receiver may refuse more. */
  readonly refused: readonly Refusal[];
  /** What the protocol cannot carry, as in the receipt. Default: nothing. */
  readonly leftOut?: readonly Refusal[];
}

/** What became of a batch; all counts add up to its `sampleCount`. */
export interface Receipt {
  readonly accepted: number;
  readonly refused: readonly Refusal[];
  /** Samples of which nobody can say: the answer does not tell. */
  readonly unknown: number;
  /**
   * Samples that the protocol cannot carry, native histograms and stale markers: not sent, and no
   * failure. Default: nothing.
   */
  readonly leftOut?: readonly Refusal[];
}

export interface SendOptions {
  readonly signal?: AbortSignal;
  /** Counts from 1; later ones are announced in `Retry-Attempt`. Default 1. */
  readonly attempt?: number;
}

/**
 * A place that takes batches. Its exported suite, `describeDestination` in `core/testing`, says the
 * rest of the contract.
 */
export interface Destination {
  /** As the user calls it. */
  readonly name: string;
  /** Type, URL and tenant in one string without secrets: another identity is another destination. */
  readonly identity: string;
  /**
   * Whether the receiver keeps a history of samples with their timestamps. One that does not is
   * sent only the latest sample of each series.
   */
  readonly keepsHistory: boolean;
  readonly limits: DestinationLimits;
  /**
   * The requests that `send` would make for this batch, byte for byte, and what it would keep out of
   * them: all samples that are in neither list stand in the requests. Where a receiver takes every
   * request, these lists are those of the receipt. Opens no socket and resolves no credential.
   *
   * @throws {DeliveryError} `ERR_DELIVERY_REJECTED` when the batch breaks the protocol's own rules.
   */
  encode(batch: Batch): EncodedBatch;
  /**
   * One attempt, without retries. The same batch always makes the same bytes.
   *
   * @throws {DeliveryError} Nothing of the batch is known to be accepted.
   */
  send(batch: Batch, options?: SendOptions): Promise<Receipt>;
}
