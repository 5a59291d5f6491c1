/**
 * A file system that can lose power: it keeps what was synced and may lose, tear or reorder the rest.
 *
 * Bytes are on the disk once the file was synced; a name is where it is once the directory was synced.
 * What was not: any of the unsynced sectors may hold zeros, the file may end anywhere after its synced
 * bytes, and any of the unsynced changes of names may be undone, the later ones before the earlier ones
 * or the other way round. Real file systems keep more; none that is worth the name keeps less.
 */
import { basename, dirname } from "node:path";
import type { AppendFile, FileStat, JournalFs } from "@promferry/core/journal";
import type { UploadFs } from "@promferry/uploader";
import type { Random } from "../random.ts";

export interface VolatileFs extends UploadFs {
  /** What a process sees: files by name inside their directory. */
  files(dir: string): Map<string, Uint8Array>;
  /** Changes a file as damage would; nobody is asked. */
  put(path: string, bytes: Uint8Array): void;
  /** What stands there after the power came back, everything of it on the disk. */
  afterPowerLoss(random: Random): VolatileFs;
}

interface Inode {
  readonly id: number;
  bytes: Buffer;
  syncedBytes: number;
  modifiedMs: number;
}

/** A change of names: each entry is a file, or undefined for none. */
type NameChange = readonly (readonly [name: string, inode: Inode | undefined])[];

interface Directory {
  readonly entries: Map<string, Inode>;
  synced: Map<string, Inode>;
  pending: NameChange[];
}

const SECTOR_BYTES = 512;
const EXT4 = 0xef53;

/** @param now What files are dated with. */
export function createVolatileFs(now: () => number, start?: ReadonlyMap<string, Directory>): VolatileFs {
  const directories = new Map(start);
  let lastInode = 0;
  for (const { entries } of directories.values()) {
    for (const { id } of entries.values()) lastInode = Math.max(lastInode, id);
  }

  const directoryOf = (path: string): Directory => {
    const found = directories.get(path);
    if (found === undefined) throw failure("ENOENT", path);
    return found;
  };
  const find = (path: string): Inode => {
    const inode = directories.get(dirname(path))?.entries.get(basename(path));
    if (inode === undefined) throw failure("ENOENT", path);
    return inode;
  };
  const change = (dir: string, changes: NameChange) => {
    const directory = directoryOf(dir);
    apply(directory.entries, changes);
    directory.pending.push(changes);
  };
  const open = (path: string): Inode => {
    const known = directoryOf(dirname(path)).entries.get(basename(path));
    if (known !== undefined) return known;
    const inode: Inode = { id: ++lastInode, bytes: Buffer.alloc(0), syncedBytes: 0, modifiedMs: now() };
    change(dirname(path), [[basename(path), inode]]);
    return inode;
  };
  const append = (inode: Inode, bytes: Uint8Array) => {
    inode.bytes = Buffer.concat([inode.bytes, bytes]);
    inode.modifiedMs = now();
    return bytes.length;
  };
  const appendFile = (inode: Inode): AppendFile => ({
    append: async (bytes) => append(inode, bytes),
    async sync() {
      // A disk takes its time; others go on meanwhile.
      const { length } = inode.bytes;
      await new Promise((resolve) => setImmediate(resolve));
      inode.syncedBytes = Math.max(inode.syncedBytes, length);
    },
    stat: async () => statOf(inode),
    async close() {},
  });
  const makeDirectory = (path: string) => {
    if (!directories.has(path)) {
      directories.set(path, { entries: new Map(), synced: new Map(), pending: [] });
    }
  };
  const rename = (from: string, to: string) => {
    const inode = find(from);
    if (dirname(from) !== dirname(to)) throw failure("EXDEV", to);
    change(dirname(from), [
      [basename(from), undefined],
      [basename(to), inode],
    ]);
  };
  const unlink = (path: string) => {
    find(path);
    change(dirname(path), [[basename(path), undefined]]);
  };

  const fs: JournalFs = {
    makeDirectory: async (path) => makeDirectory(path),
    makeDirectorySync: makeDirectory,
    async syncDirectory(path) {
      const directory = directoryOf(path);
      directory.synced = new Map(directory.entries);
      directory.pending = [];
    },
    openAppend: async (path) => appendFile(open(path)),
    openAppendSync(path) {
      const inode = open(path);
      return { append: (bytes) => append(inode, bytes), stat: () => statOf(inode), close() {} };
    },
    async openRead(path) {
      const inode = find(path);
      return {
        stat: async () => statOf(inode),
        // Behind the end there is nothing to read, as for pread.
        read: async (into, offset) => (offset < inode.bytes.length ? inode.bytes.copy(into, 0, offset) : 0),
        async close() {},
      };
    },
    stat: async (path) => statOf(find(path)),
    statSync: (path) => statOf(find(path)),
    readDirectory: async (path) => [...directoryOf(path).entries.keys()],
    rename: async (from, to) => rename(from, to),
    renameSync: rename,
    unlink: async (path) => unlink(path),
    unlinkSync: unlink,
    fileSystemType: async () => EXT4,
    fileSystemTypeSync: () => EXT4,
  };
  return {
    ...fs,
    async openNew(path) {
      if (directoryOf(dirname(path)).entries.has(basename(path))) throw failure("EEXIST", path);
      return fs.openAppend(path);
    },
    files: (dir) =>
      new Map([...(directories.get(dir)?.entries ?? [])].map(([name, { bytes }]) => [name, bytes])),
    put(path, bytes) {
      makeDirectory(dirname(path));
      open(path).bytes = Buffer.from(bytes);
    },
    afterPowerLoss(random) {
      const survivors = new Map<Inode, Inode>();
      const survivorOf = (inode: Inode) => {
        const known = survivors.get(inode) ?? afterLoss(inode, random);
        survivors.set(inode, known);
        return known;
      };
      const left = [...directories].map(([path, { synced, pending }]): [string, Directory] => {
        const entries = new Map(synced);
        const inOrder = random.chance(0.5);
        const upTo = random.between(0, pending.length);
        pending.forEach((each, i) => {
          if (inOrder ? i < upTo : random.chance(0.5)) apply(entries, each);
        });
        const kept = new Map([...entries].map(([name, inode]) => [name, survivorOf(inode)]));
        return [path, { entries: kept, synced: new Map(kept), pending: [] }];
      });
      return createVolatileFs(now, new Map(left));
    },
  };
}

function apply(entries: Map<string, Inode>, changes: NameChange): void {
  for (const [name, inode] of changes) {
    if (inode === undefined) entries.delete(name);
    else entries.set(name, inode);
  }
}

function afterLoss(inode: Inode, random: Random): Inode {
  const { syncedBytes } = inode;
  const length = random.pick([
    syncedBytes,
    inode.bytes.length,
    random.between(syncedBytes, inode.bytes.length),
  ]);
  const bytes = Buffer.from(inode.bytes.subarray(0, length));
  const loses = random.chance(0.5);
  const first = syncedBytes - (syncedBytes % SECTOR_BYTES);
  for (let at = first; loses && at < length; at += SECTOR_BYTES) {
    if (random.chance(0.5)) bytes.fill(0, Math.max(at, syncedBytes), Math.min(at + SECTOR_BYTES, length));
  }
  return { ...inode, bytes, syncedBytes: length };
}

function statOf({ id, bytes, modifiedMs }: Inode): FileStat {
  return { identity: `1:${id}`, sizeBytes: bytes.length, modifiedMs };
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
