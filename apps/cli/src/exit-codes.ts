/** What the process ends with; the table in the README says the same. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** `check-metrics`, `import` or `targets lint` found errors, `journal verify` found damage. */
  findings: 1,
  /** The command line is wrong, or the target service refused what was asked. */
  usage: 2,
  /** Something was done and something was not: the report says which. */
  partial: 3,
  /** The privacy gate refused the data. */
  privacy: 65,
  /** A server did not answer, or answered with an error of its own. */
  unavailable: 69,
  /** A fault of promferry itself. */
  internal: 70,
  /** A file could not be read or written. */
  io: 74,
  /** Busy: another upload holds the journal, or the server asked to wait. */
  tryLater: 75,
  /** No credentials could be had, or the server refused them. */
  credentials: 77,
  /** The configuration is missing or wrong. */
  config: 78,
  /** Stopped by Ctrl-C (SIGINT). */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
