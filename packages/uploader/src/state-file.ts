/** The uploader's own small files, over the journal's file-system seam. */

import { dirname } from "node:path";
import type { AppendFile, JournalFs } from "@promferry/core/journal";
import { LedgerError } from "./ledger-error.ts";
import type { UploadFs } from "./upload-fs.ts";

/** The largest of these files that is read, in bytes. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * The file's text, or undefined where there is no such file.
 *
 * @throws {LedgerError} `ERR_LEDGER_UNREADABLE`.
 */
export async function readStateFile(fs: JournalFs, path: string): Promise<string | undefined> {
  try {
    return Buffer.from(await readBytes(fs, path)).toString("utf8");
  } catch (error) {
    if (error instanceof LedgerError && errorCode(error.cause) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The file's bytes, or those of one stretch of it.
 *
 * @throws {LedgerError} `ERR_LEDGER_UNREADABLE`.
 */
export async function readBytes(
  fs: JournalFs,
  path: string,
  stretch?: { readonly offsetBytes: number; readonly lengthBytes: number },
): Promise<Uint8Array> {
  try {
    const file = await fs.openRead(path);
    try {
      const { offsetBytes, lengthBytes } = stretch ?? {
        offsetBytes: 0,
        lengthBytes: (await file.stat()).sizeBytes,
      };
      if (lengthBytes > MAX_BYTES)
        throw new RangeError(`${lengthBytes} bytes are more than the ${MAX_BYTES} allowed`);
      const bytes = new Uint8Array(lengthBytes);
      let filled = 0;
      while (filled < bytes.length) {
        const count = await file.read(bytes.subarray(filled), offsetBytes + filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new LedgerError("ERR_LEDGER_UNREADABLE", `cannot read ${path}: ${shortly(error)}`, path, error);
  }
}

/**
 * The names in a directory.
 *
 * @throws {LedgerError} `ERR_LEDGER_UNREADABLE`.
 */
export async function readStateDirectory(fs: JournalFs, dir: string): Promise<readonly string[]> {
  try {
    return await fs.readDirectory(dir);
  } catch (error) {
    throw new LedgerError("ERR_LEDGER_UNREADABLE", `cannot list ${dir}: ${shortly(error)}`, dir, error);
  }
}

/**
 * Puts `content` in the file's place at once: whoever reads sees the old or the new content, also
 * after a power loss. Not for two writers of one file at the same time.
 *
 * @throws {LedgerError} `ERR_LEDGER_FORBIDDEN` or `ERR_LEDGER_UNWRITABLE`.
 */
export async function replaceStateFile(
  fs: JournalFs,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const temporary = `${path}.tmp`;
  await told("write", path, async () => {
    await removeIfThere(fs, temporary);
    await appendAll(fs, temporary, content);
    await fs.rename(temporary, path);
    await fs.syncDirectory(dirname(path));
  });
}

/**
 * Adds `text` to the file's end and waits until it is on the disk.
 *
 * @throws {LedgerError} As {@link replaceStateFile}.
 */
export async function appendToStateFile(fs: JournalFs, path: string, text: string): Promise<void> {
  await told("append to", path, async () => {
    await fs.makeDirectory(dirname(path));
    await appendAll(fs, path, text);
    await fs.syncDirectory(dirname(path));
  });
}

/**
 * Makes the file with this text, unless there is one already.
 *
 * @returns Whether this call made it.
 * @throws {LedgerError} As {@link replaceStateFile}.
 */
export async function createStateFile(fs: UploadFs, path: string, text: string): Promise<boolean> {
  return told("create", path, async () => {
    try {
      await appendAndClose(await fs.openNew(path), text);
      return true;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      throw error;
    }
  });
}

/** @throws {LedgerError} As {@link replaceStateFile}. */
export async function removeIfThere(fs: JournalFs, path: string): Promise<void> {
  await told("remove", path, async () => {
    try {
      await fs.unlink(path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
  });
}

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

async function appendAll(fs: JournalFs, path: string, content: string | Uint8Array): Promise<void> {
  await appendAndClose(await fs.openAppend(path), content);
}

async function appendAndClose(file: AppendFile, content: string | Uint8Array): Promise<void> {
  try {
    for (let rest: Uint8Array = Buffer.from(content); rest.length > 0; ) {
      const written = await file.append(rest);
      if (written === 0) throw Object.assign(new Error("nothing was written"), { code: "EIO" });
      rest = rest.subarray(written);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function told<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    const code = errorCode(error);
    const isForbidden = code === "EACCES" || code === "EPERM" || code === "EROFS";
    const advice = isForbidden
      ? "the uploader keeps its ledger beside the day files; make the directory writable for this user"
      : "nothing is lost; mend it and upload again";
    throw new LedgerError(
      isForbidden ? "ERR_LEDGER_FORBIDDEN" : "ERR_LEDGER_UNWRITABLE",
      `cannot ${doing} ${path}: ${shortly(error)}; ${advice}`,
      path,
      error,
    );
  }
}

function shortly(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 200);
}
