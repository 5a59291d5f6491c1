/** One measured thing. */
export interface Case {
  /** Operations in one run: samples or bytes, as a rule. */
  readonly ops: number;
  /** Does the work and returns its result, so that it can't be optimised away; a promise is waited for. */
  readonly run: () => unknown;
  /** What else is to be told of the result. */
  readonly note?: string;
}

/** Cases that do the same job: ours first, each peer under its name. */
export interface Comparison {
  readonly name: string;
  readonly ours: Case;
  readonly peers: Readonly<Record<string, Case>>;
  /** How many times better than a peer ours has to be (facts, "Speed"). Default: nothing is promised. */
  readonly targets?: Readonly<Record<string, number>>;
}
