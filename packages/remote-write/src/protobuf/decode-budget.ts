import { DecodeError } from "../decode-error.ts";

/** What one request may hold. More than that is `ERR_DECODE_TOO_LARGE`. */
export interface DecodeLimits {
  /** Bytes of the message, not compressed. Default 33 554 432, the limit of Prometheus. */
  readonly maxBytes: number;
  /** Time series, and entries of metadata. Default 250 000. */
  readonly maxSeries: number;
  /** Samples, native histograms and exemplars over all series. Default 2 000 000. */
  readonly maxSamples: number;
  /** Spans, buckets and bounds over all native histograms. Default 4 000 000. */
  readonly maxBuckets: number;
  /** Labels over all series. Default 4 000 000. */
  readonly maxLabels: number;
  /** Strings in the symbols table of 2.0. Default 1 000 000. */
  readonly maxSymbols: number;
  /**
   * Characters of labels, help texts and units in a request of 2.0, counted once for each reference to them:
   * a small message may refer to a long string a million times. Default 134 217 728.
   */
  readonly maxText: number;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxSeries: 250_000,
  maxSamples: 2_000_000,
  maxBuckets: 4_000_000,
  maxLabels: 4_000_000,
  maxSymbols: 1_000_000,
  maxText: 128 * 1024 * 1024,
};

/** What has been read of one request, and what is the most of it. */
export interface DecodeBudget {
  readonly limits: DecodeLimits;
  /** Native histograms among them. */
  samples: number;
  exemplars: number;
  buckets: number;
  labels: number;
  text: number;
}

/** @throws {DecodeError} The message itself is too long. */
export function openBudget(bytes: Uint8Array, limits: Partial<DecodeLimits>): DecodeBudget {
  const all = { ...DEFAULT_DECODE_LIMITS, ...limits };
  if (bytes.length > all.maxBytes) throw tooMuch("bytes", all.maxBytes);
  return { limits: all, samples: 0, exemplars: 0, buckets: 0, labels: 0, text: 0 };
}

/** @throws {DecodeError} One sample or exemplar more is too much. */
export function takeSample(budget: DecodeBudget, kind: "samples" | "exemplars" = "samples"): void {
  budget[kind]++;
  const { maxSamples } = budget.limits;
  if (budget.samples + budget.exemplars > maxSamples) throw tooMuch("samples and exemplars", maxSamples);
}

/** @throws {DecodeError} One span, bucket or bound more is too much. */
export function takeBucket(budget: DecodeBudget): void {
  if (++budget.buckets > budget.limits.maxBuckets) throw tooMuch("buckets", budget.limits.maxBuckets);
}

export function tooMuch(what: string, limit: number): DecodeError {
  return new DecodeError("ERR_DECODE_TOO_LARGE", `the write request holds more than ${limit} ${what}`);
}

/** The bytes are not the message that they should be. */
export function malformed(message: string, what: string, cause?: unknown): DecodeError {
  return new DecodeError("ERR_DECODE_PROTOBUF", `no ${message}: ${what}`, { cause });
}

/** What a reader threw, as a {@link DecodeError} that says where. */
export function asDecodeError(cause: unknown, message: string, position: number): DecodeError {
  if (cause instanceof DecodeError) return cause;
  const what = cause instanceof Error ? cause.message : String(cause);
  return malformed(message, `${what}, near byte ${position}`, cause);
}
