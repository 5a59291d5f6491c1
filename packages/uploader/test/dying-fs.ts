import { type AppendFile, nodeJournalFs } from "@promferry/core/journal";
import { nodeUploadFs, type ProcessTable, type UploadFs } from "../src/index.ts";

/** A file system that dies at one of its writes, before or after it took effect, and stays dead. */
export function dyingFs(atWrite: number, after: boolean): UploadFs & { readonly isDead: boolean } {
  let writes = 0;
  const dies = async <T>(write: () => Promise<T>): Promise<T> => {
    writes++;
    if (writes < atWrite || (writes === atWrite && !after)) {
      if (writes < atWrite) return write();
    } else if (writes === atWrite) await write();
    throw Object.assign(new Error("the machine is off"), { code: "EIO" });
  };
  const guarded = (file: AppendFile): AppendFile => ({
    ...file,
    append: (bytes) => dies(() => file.append(bytes)),
    sync: () => dies(() => file.sync()),
  });
  return {
    ...nodeUploadFs,
    get isDead() {
      return writes >= atWrite;
    },
    openAppend: async (path) => guarded(await nodeJournalFs.openAppend(path)),
    openNew: async (path) => guarded(await nodeUploadFs.openNew(path)),
    rename: (from, to) => dies(() => nodeUploadFs.rename(from, to)),
    unlink: (path) => dies(() => nodeUploadFs.unlink(path)),
    syncDirectory: (path) => dies(() => nodeUploadFs.syncDirectory(path)),
  };
}

/** Whether a failure is that of a {@link dyingFs}. */
export function isOff(error: unknown): boolean {
  return error instanceof Error && error.message === "the machine is off";
}

/** Whoever held the lock died with the machine: its pid is nobody's. */
export function processesOf(pid: number): ProcessTable {
  return {
    self: async () => ({ pid, start: "1", boot: "b", host: "h", pidNamespace: "n" }),
    startOf: async () => undefined,
  };
}
