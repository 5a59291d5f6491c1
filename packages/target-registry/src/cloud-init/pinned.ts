import { UserDataError } from "./user-data-error.ts";

/** `name@sha256:<64 hex>`, with or without registry and tag: the grammar of image references, lower case only. */
const PINNED = /^[a-z0-9]+(?:[._:/-]+[a-zA-Z0-9_.-]+)*@sha256:[0-9a-f]{64}$/;

/** Whether an image reference names its content by digest. */
export function isPinnedImage(reference: string): boolean {
  return PINNED.test(reference);
}

/**
 * The reference, which names its content by digest.
 *
 * @throws {UserDataError} ERR_USER_DATA_UNPINNED for a tag or no tag: what runs could change on any day.
 */
export function pinnedImage(option: string, reference: string): string {
  if (isPinnedImage(reference)) return reference;
  throw new UserDataError(
    "ERR_USER_DATA_UNPINNED",
    `${option}: expected name@sha256:<64 hex digits>, got ${JSON.stringify(reference.slice(0, 120))}; ` +
      "a tag can be moved to other content, so look the digest up once and write it here",
  );
}
