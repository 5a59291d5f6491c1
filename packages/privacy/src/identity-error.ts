export type IdentityErrorCode =
  | "ERR_IDENTITY_UNREADABLE" // the file system said no
  | "ERR_IDENTITY_DAMAGED"; // the file is there and isn't a key

/** Why there is no identity. Branch on `code`. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code: IdentityErrorCode;

  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
