import type { Finding } from "./lint/finding.ts";

export type UserDataErrorCode =
  | "ERR_USER_DATA_OPTION" // an option can't be rendered: its message names it
  | "ERR_USER_DATA_UNPINNED" // an image without a digest, a download without a SHA-256
  | "ERR_USER_DATA_PART" // the user's own part can't be merged; `findings` says where
  | "ERR_USER_DATA_TOO_LARGE"; // over the provider's limit, compressed too

/** Why no user data was made. Branch on `code`. */
export class UserDataError extends Error {
  override readonly name = "UserDataError";
  readonly code: UserDataErrorCode;
  /** What is wrong with the user's own part; empty for other codes. */
  readonly findings: readonly Finding[];

  constructor(code: UserDataErrorCode, message: string, findings: readonly Finding[] = []) {
    super(message);
    this.code = code;
    this.findings = findings;
  }
}
