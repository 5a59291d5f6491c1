export type DecodeErrorCode =
  | "ERR_DECODE_SNAPPY" // no snappy block
  | "ERR_DECODE_PROTOBUF" // no WriteRequest message
  | "ERR_DECODE_TOO_LARGE"; // more than a limit allows: a smaller request may pass

/** Why bytes that came from outside are no write request. Branch on `code`. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code: DecodeErrorCode;

  constructor(code: DecodeErrorCode, message: string, details: { cause?: unknown } = {}) {
    super(message, details);
    this.code = code;
  }
}
