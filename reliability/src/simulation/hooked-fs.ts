import type { AppendFile, AppendFileSync, ReadFile } from "@promferry/core/journal";
import type { UploadFs } from "@promferry/uploader";

/** One call of the file-system seam. */
export interface FsCall {
  /** Counts from 1. */
  readonly n: number;
  readonly name: string;
  readonly path: string;
}

export interface FsHooks {
  /** What it throws, the call fails with. */
  readonly before?: (call: FsCall) => void;
  readonly after?: (call: FsCall) => void;
  /** How many of the bytes are written; default all. */
  readonly cut?: (call: FsCall, bytes: Uint8Array) => number;
}

/** Calls that change nothing and cannot be told from their outside. */
const UNCOUNTED = new Set(["close"]);

/** The file system with something done at its calls. */
export function hookFs(fs: UploadFs, { before, after, cut }: FsHooks): UploadFs {
  let calls = 0;
  const begin = (name: string, path: string): FsCall => {
    const call = { n: UNCOUNTED.has(name) ? 0 : ++calls, name, path };
    before?.(call);
    return call;
  };
  const ended = <T>(call: FsCall, result: T): T => {
    after?.(call);
    return result;
  };
  const later = async <T>(name: string, path: string, work: (call: FsCall) => Promise<T>): Promise<T> => {
    const call = begin(name, path);
    return ended(call, await work(call));
  };
  const now = <T>(name: string, path: string, work: (call: FsCall) => T): T => {
    const call = begin(name, path);
    return ended(call, work(call));
  };
  const part = (call: FsCall, bytes: Uint8Array) => bytes.subarray(0, cut?.(call, bytes) ?? bytes.length);
  const appending = (file: AppendFile, path: string): AppendFile => ({
    append: (bytes) => later("append", path, (call) => file.append(part(call, bytes))),
    sync: () => later("sync", path, () => file.sync()),
    stat: () => later("fstat", path, () => file.stat()),
    close: () => later("close", path, () => file.close()),
  });
  const appendingSync = (file: AppendFileSync, path: string): AppendFileSync => ({
    append: (bytes) => now("append", path, (call) => file.append(part(call, bytes))),
    stat: () => now("fstat", path, () => file.stat()),
    close: () => now("close", path, () => file.close()),
  });
  const reading = (file: ReadFile, path: string): ReadFile => ({
    stat: () => later("fstat", path, () => file.stat()),
    read: (into, offset) => later("read", path, () => file.read(into, offset)),
    close: () => later("close", path, () => file.close()),
  });
  return {
    makeDirectory: (path) => later("mkdir", path, () => fs.makeDirectory(path)),
    makeDirectorySync: (path) => now("mkdir", path, () => fs.makeDirectorySync(path)),
    syncDirectory: (path) => later("sync directory", path, () => fs.syncDirectory(path)),
    openAppend: (path) => later("open", path, async () => appending(await fs.openAppend(path), path)),
    openAppendSync: (path) => now("open", path, () => appendingSync(fs.openAppendSync(path), path)),
    openNew: (path) => later("open new", path, async () => appending(await fs.openNew(path), path)),
    openRead: (path) => later("open to read", path, async () => reading(await fs.openRead(path), path)),
    stat: (path) => later("stat", path, () => fs.stat(path)),
    statSync: (path) => now("stat", path, () => fs.statSync(path)),
    readDirectory: (path) => later("readdir", path, () => fs.readDirectory(path)),
    rename: (from, to) => later("rename", from, () => fs.rename(from, to)),
    renameSync: (from, to) => now("rename", from, () => fs.renameSync(from, to)),
    unlink: (path) => later("unlink", path, () => fs.unlink(path)),
    unlinkSync: (path) => now("unlink", path, () => fs.unlinkSync(path)),
    fileSystemType: (path) => later("statfs", path, () => fs.fileSystemType(path)),
    fileSystemTypeSync: (path) => now("statfs", path, () => fs.fileSystemTypeSync(path)),
  };
}
