/** What is wrong; stable, for branching and for documentation. */
export type FindingCode =
  | "argv-leading-space"
  | "backslash-in-plain-scalar"
  | "over-limit"
  | "missing-header"
  | "package-not-in-family"
  | "pipe-to-shell"
  | "port-on-all-interfaces"
  | "secret-literal"
  | "tab-indentation"
  | "unknown-jinja-variable"
  | "unpinned-image"
  | "unquoted-mode"
  | "yaml-syntax";

/** One thing that will not work, or that is open to others, in user data. */
export interface Finding {
  readonly code: FindingCode;
  /** From 1, in the document as given (after decompression). */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong and what to write instead, in one sentence or two; never a secret. */
  readonly message: string;
}
