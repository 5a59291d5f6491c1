import { randomBytes as secureRandomBytes } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { IdentityError } from "./identity-error.ts";

const KEY_BYTES = 32;
const KEY_FILE = "identity.json";

/** Whether a file in the journal's directory holds the installation's key, or was to hold it. */
export function isIdentityFile(name: string): boolean {
  return name === KEY_FILE || /^identity\.json\.[0-9a-f]{12}\.tmp$/.test(name);
}

/** What is needed of `node:fs/promises`. */
export interface IdentityFs {
  mkdir(path: string, options: { recursive: true; mode: number }): Promise<unknown>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
  writeFile(path: string, text: string, options: { mode: number; flag: "wx"; flush: true }): Promise<void>;
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export interface IdentityKeyOptions {
  /** Holds `identity.json`; made, for its owner alone, when it is missing. */
  readonly dir: string;
  /** Default `node:crypto`'s. */
  readonly randomBytes?: (size: number) => Uint8Array;
  /** Default `node:fs/promises`. */
  readonly fs?: IdentityFs;
}

/**
 * The installation's key, made when it is missing and `create` says so.
 *
 * @returns `undefined` when it is missing and `create` is false.
 * @throws {IdentityError}
 */
export async function readOrCreateKey(
  options: IdentityKeyOptions,
  create: boolean,
): Promise<Uint8Array | undefined> {
  const { dir, fs = { mkdir, readFile, writeFile, link, unlink } } = options;
  const path = join(dir, KEY_FILE);
  try {
    const known = await readKey(fs, path);
    if (known || !create) return known;
    await createKey(fs, path, options);
    return await readKey(fs, path);
  } catch (error) {
    if (error instanceof IdentityError) throw error;
    const isFull = hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT");
    const advice = isFull ? "make room" : "make the directory readable and writable for this user";
    throw new IdentityError(
      "ERR_IDENTITY_UNREADABLE",
      `${path}: ${(error as Error).message}; ${advice}, or use identity none`,
      { cause: error },
    );
  }
}

async function readKey(fs: IdentityFs, path: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = await fs.readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const [, hex] = /^\s*\{\s*"v"\s*:\s*1\s*,\s*"key"\s*:\s*"([0-9a-f]{64})"\s*\}\s*$/.exec(text) ?? [];
  if (hex) return Buffer.from(hex, "hex");
  throw new IdentityError(
    "ERR_IDENTITY_DAMAGED",
    `${path}: expected {"v":1,"key":"<64 hexadecimal digits>"}; restore it, or remove it to become a new user`,
  );
}

/** Written aside and linked into place, so that nobody reads half a key and the first one stays. */
async function createKey(fs: IdentityFs, path: string, options: IdentityKeyOptions): Promise<void> {
  const { dir, randomBytes = secureRandomBytes } = options;
  const key = Buffer.from(randomBytes(KEY_BYTES)).toString("hex");
  const text = `${JSON.stringify({ v: 1, key })}\n`;
  const aside = `${path}.${Buffer.from(randomBytes(6)).toString("hex")}.tmp`;
  await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  try {
    await fs.writeFile(aside, text, { mode: 0o600, flag: "wx", flush: true });
    await fs.link(aside, path);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    if (!hasCode(error, "EPERM") && !hasCode(error, "ENOTSUP") && !hasCode(error, "ENOSYS")) throw error;
    // A file system without links: the file is made in place, where it can be seen unfinished for a moment.
    await fs.writeFile(path, text, { mode: 0o600, flag: "wx", flush: true }).catch((inPlace: unknown) => {
      if (!hasCode(inPlace, "EEXIST")) throw inPlace;
    });
  } finally {
    await fs.unlink(aside).catch(() => {});
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
