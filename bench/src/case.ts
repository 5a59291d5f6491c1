/** One measured thing. */
export interface Case {
  /** Operations in one run: samples, as a rule. */
  readonly ops: number;
  /** Does the work and returns its result, so that it can't be optimised away. */
  readonly run: () => unknown;
}

/** Cases that do the same job: ours first, each peer under its name. */
export interface Comparison {
  readonly name: string;
  readonly ours: Case;
  readonly peers: Readonly<Record<string, Case>>;
}
