import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { mkdir, open, readdir, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { EpochMs } from "../series/series.ts";
import { errorNumber } from "./journal-error.ts";

/** What a journal needs to know about a file. */
export interface FileStat {
  /** Device and inode as one word: the same for two looks at the same file. */
  readonly identity: string;
  readonly sizeBytes: number;
  readonly modifiedMs: EpochMs;
  /** Whether it is a folder; absent means no. A folder is no day file, whatever its name. */
  readonly isDirectory?: boolean;
}

/** A file open for appending. */
export interface AppendFile {
  /** One write at the file's end; resolves to the number of bytes written, which may be fewer. */
  append(bytes: Uint8Array): Promise<number>;
  /** Until the data is on the disk (`fdatasync`). */
  sync(): Promise<void>;
  stat(): Promise<FileStat>;
  close(): Promise<void>;
}

/** {@link AppendFile} for the last moment of a process, when nothing can be awaited any more. */
export interface AppendFileSync {
  append(bytes: Uint8Array): number;
  stat(): FileStat;
  close(): void;
}

/** A file open for reading. */
export interface ReadFile {
  stat(): Promise<FileStat>;
  /** Fills `into` from `offsetBytes` on; resolves to the number of bytes read, 0 at the file's end. */
  read(into: Uint8Array, offsetBytes: number): Promise<number>;
  close(): Promise<void>;
}

/** The file system as the journal uses it. Failures carry Node's `code`, for example `ENOENT`. */
export interface JournalFs {
  /** Makes the directory and what leads to it, durably, with mode 0700; does nothing where it is already. */
  makeDirectory(path: string): Promise<void>;
  makeDirectorySync(path: string): void;
  /** Until the directory's entries are on the disk; does nothing where directories can't be synced. */
  syncDirectory(path: string): Promise<void>;
  /** Opens with O_APPEND; makes the file with mode 0600 where it is missing. */
  openAppend(path: string): Promise<AppendFile>;
  openAppendSync(path: string): AppendFileSync;
  openRead(path: string): Promise<ReadFile>;
  stat(path: string): Promise<FileStat>;
  statSync(path: string): FileStat;
  readDirectory(path: string): Promise<readonly string[]>;
  rename(from: string, to: string): Promise<void>;
  renameSync(from: string, to: string): void;
  unlink(path: string): Promise<void>;
  unlinkSync(path: string): void;
  /** The type number of the file system that holds the directory (`f_type`), 0 where there is none. */
  fileSystemType(path: string): Promise<number>;
  fileSystemTypeSync(path: string): number;
  /** Bytes that this user may still write to the file system that holds the directory; absent where nobody knows. */
  freeBytes?(path: string): Promise<number>;
}

/** Less room than this where a journal lies is worth a warning: 256 MiB, what a journal may take by default. */
export const LOW_DISK_BYTES: number = 256 * 1024 ** 2;

const { O_APPEND, O_CREAT, O_WRONLY } = constants;
const APPEND = O_WRONLY | O_APPEND | O_CREAT;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** The real file system. */
export const nodeJournalFs: JournalFs = {
  async makeDirectory(path) {
    const first = await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    if (first === undefined) return;
    for (let made = resolve(path); made.length >= first.length; made = dirname(made)) {
      await syncDirectory(dirname(made));
    }
  },
  makeDirectorySync(path) {
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  },
  syncDirectory,
  async openAppend(path) {
    const handle = await open(path, APPEND, FILE_MODE);
    return {
      append: async (bytes) => (await handle.write(bytes)).bytesWritten,
      sync: () => handle.datasync(),
      stat: async () => toFileStat(await handle.stat({ bigint: true })),
      close: () => handle.close(),
    };
  },
  openAppendSync(path) {
    const descriptor = openSync(path, APPEND, FILE_MODE);
    return {
      append: (bytes) => writeSync(descriptor, bytes),
      stat: () => toFileStat(fstatSync(descriptor, { bigint: true })),
      close: () => closeSync(descriptor),
    };
  },
  async openRead(path) {
    const handle = await open(path, "r");
    return {
      stat: async () => toFileStat(await handle.stat({ bigint: true })),
      read: async (into, offsetBytes) => (await handle.read(into, 0, into.length, offsetBytes)).bytesRead,
      close: () => handle.close(),
    };
  },
  stat: async (path) => toFileStat(await stat(path, { bigint: true })),
  statSync: (path) => toFileStat(statSync(path, { bigint: true })),
  readDirectory: (path) => readdir(path),
  rename,
  renameSync,
  unlink,
  unlinkSync,
  fileSystemType: async (path) => (await statfs(path)).type,
  fileSystemTypeSync: (path) => statfsSync(path).type,
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; its file systems journal their entries.
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    const number = errorNumber(error);
    if (number !== "EINVAL" && number !== "ENOTSUP") throw error;
  } finally {
    await handle.close();
  }
}

function toFileStat(found: BigIntStats): FileStat {
  return {
    identity: `${found.dev}:${found.ino}`,
    sizeBytes: Number(found.size),
    modifiedMs: Number(found.mtimeMs),
    ...(found.isDirectory() && { isDirectory: true }),
  };
}
