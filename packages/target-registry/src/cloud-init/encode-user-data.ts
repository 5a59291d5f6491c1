import { gzipSync } from "node:zlib";
import { base64Size, brokenLimit, PROVIDER_LIMITS, type Provider } from "./provider.ts";
import { UserDataError } from "./user-data-error.ts";

export interface EncodedUserData {
  /** What the provider's API gets, before the base64 that most of them ask for. */
  readonly bytes: Uint8Array;
  readonly encoding: "plain" | "gzip";
  /** Size after base64. */
  readonly base64Bytes: number;
  /** False where the provider's limit is hearsay. */
  readonly limitVerified: boolean;
}

/**
 * User data as a provider takes it: plain while it fits, else gzip, which cloud-init unpacks.
 *
 * @throws {UserDataError} ERR_USER_DATA_TOO_LARGE where it fits neither way.
 */
export function encodeUserData(text: string, provider: Provider): EncodedUserData {
  const plain = Buffer.from(text, "utf8");
  const limitVerified = PROVIDER_LIMITS[provider].verified;
  const broken = brokenLimit(provider, plain.length);
  if (broken === undefined) {
    return { bytes: plain, encoding: "plain", base64Bytes: base64Size(plain.length), limitVerified };
  }
  if (!PROVIDER_LIMITS[provider].binary) throw tooLarge(broken, "and it carries text only");
  const packed = gzipSync(plain, { level: 9 });
  const stillBroken = brokenLimit(provider, packed.length);
  if (stillBroken !== undefined)
    throw tooLarge(stillBroken, "compressed too; use a pre-built image or a smaller part");
  return { bytes: packed, encoding: "gzip", base64Bytes: base64Size(packed.length), limitVerified };
}

function tooLarge(what: string, advice: string): UserDataError {
  return new UserDataError("ERR_USER_DATA_TOO_LARGE", `user data is too large: ${what}, ${advice}`);
}
