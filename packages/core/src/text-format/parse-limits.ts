/** What one page may hold at the most; more is `ERR_EXPOSITION_LIMIT`. */
export interface ParseLimits {
  /** Bytes of one line, without its line feed. Default 1 MiB. */
  readonly maxLineBytes: number;
  /** Labels of one sample or exemplar. Default 256. */
  readonly maxLabels: number;
  /** Bytes of one metric or label name, quotes and escapes included. Default 4096. */
  readonly maxNameBytes: number;
  /** Different series. Default 1 000 000. */
  readonly maxSeries: number;
}

export const defaultParseLimits: ParseLimits = {
  maxLineBytes: 1024 * 1024,
  maxLabels: 256,
  maxNameBytes: 4096,
  maxSeries: 1_000_000,
};
