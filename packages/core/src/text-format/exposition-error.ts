export type ExpositionErrorCode =
  | "ERR_EXPOSITION_SYNTAX" // the line does not follow the grammar
  | "ERR_EXPOSITION_TRUNCATED" // the page ends in the middle of a line, or without `# EOF`
  | "ERR_EXPOSITION_NAME" // a metric or label name that the format forbids
  | "ERR_EXPOSITION_VALUE" // a number, timestamp, type, unit or escape that can't be read, or not here
  | "ERR_EXPOSITION_ENCODING" // bytes that are not UTF-8
  | "ERR_EXPOSITION_FAMILY" // metadata twice or too late, or a sample that its family does not allow
  | "ERR_EXPOSITION_DUPLICATE" // a label name or a series stands twice
  | "ERR_EXPOSITION_LIMIT"; // more than the limits of this call allow

/**
 * Why a page was refused, and where. The message reads `line:column: what was expected, what came`,
 * with at most 40 characters of what came.
 */
export class ExpositionError extends Error {
  override readonly name = "ExpositionError";
  readonly code: ExpositionErrorCode;
  /** From 1. */
  readonly line: number;
  /** From 1, in Unicode characters. */
  readonly column: number;

  constructor(code: ExpositionErrorCode, line: number, column: number, reason: string) {
    super(`${line}:${column}: ${reason}`);
    this.code = code;
    this.line = line;
    this.column = column;
  }
}
