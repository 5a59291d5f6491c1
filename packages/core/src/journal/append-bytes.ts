import type { FileStat, JournalFs } from "./journal-fs.ts";

/** What is to be appended depends on the file: a session's first frame in each file carries its info. */
export type BytesFor = (file: FileStat) => Uint8Array;

/** A disk that is nearly full takes a part each time; a deleter renames one file, not three in a row. */
const ATTEMPTS = 3;

/**
 * Appends in one write and returns once the bytes are on the disk, under this path. A short write is
 * abandoned and written whole again, for another process may have appended meanwhile; so is a write
 * that went to a file which was renamed or removed under it.
 *
 * @param syncDirectory Given the file, whether its directory's entry has to be made durable as well.
 * @returns The file as it was before the write that counts.
 * @throws What the file system threw, or an `Error` with code `EIO` after the last attempt.
 */
export async function appendDurably(
  fs: JournalFs,
  path: string,
  bytesFor: BytesFor,
  syncDirectory: (file: FileStat) => string | undefined,
): Promise<FileStat> {
  let problem = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const file = await fs.openAppend(path);
    try {
      const before = await file.stat();
      const bytes = bytesFor(before);
      const written = await file.append(bytes);
      if (written !== bytes.length) {
        problem = shortWrite(written, bytes.length);
        continue;
      }
      await file.sync();
      const directory = syncDirectory(before);
      if (directory !== undefined) await fs.syncDirectory(directory);
      if ((await fs.stat(path).catch(() => undefined))?.identity === before.identity) return before;
      problem = REPLACED;
    } finally {
      await file.close();
    }
  }
  throw Object.assign(new Error(problem), { code: "EIO" });
}

/** {@link appendDurably} without waiting for the disk: it survives the end of the process. */
export function appendNow(fs: JournalFs, path: string, bytesFor: BytesFor): FileStat {
  let problem = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const file = fs.openAppendSync(path);
    try {
      const before = file.stat();
      const bytes = bytesFor(before);
      const written = file.append(bytes);
      if (written !== bytes.length) problem = shortWrite(written, bytes.length);
      else if (identityNow(fs, path) === before.identity) return before;
      else problem = REPLACED;
    } finally {
      file.close();
    }
  }
  throw Object.assign(new Error(problem), { code: "EIO" });
}

const REPLACED = "the file was replaced during each attempt to write";

function shortWrite(written: number, wanted: number): string {
  return `only ${written} of ${wanted} bytes were written`;
}

function identityNow(fs: JournalFs, path: string): string | undefined {
  try {
    return fs.statSync(path).identity;
  } catch {
    return undefined;
  }
}
