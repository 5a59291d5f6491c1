export type BatchRefusalCode =
  | "ERR_BATCH_INVALID" // it will never be taken
  | "ERR_BATCH_TOO_LARGE"; // a smaller one may be

/** Why a consumer takes nothing of a batch, and won't when it comes again. The message goes to the sender. */
export class BatchRefusal extends Error {
  override readonly name = "BatchRefusal";
  readonly code: BatchRefusalCode;

  constructor(code: BatchRefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
