import { join } from "node:path";
import { crc32 } from "node:zlib";
import { isPacked } from "./day-file.ts";
import type { Journal, JournalFile } from "./journal.ts";
import { errorNumber, systemFailure } from "./journal-error.ts";
import type { AppendFile, JournalFs, ReadFile } from "./journal-fs.ts";
import { readFrames } from "./read-frames.ts";
import { readPacked } from "./read-packed.ts";
import { removeDay } from "./remove-day.ts";
import type { FrameScan } from "./scan-frames.ts";

export type RepairResult =
  /** Under {@link repairedName}, or gone, where nothing was left of the file. */
  | { readonly result: "repaired"; readonly gone: boolean }
  /** The file is as it was. */
  | { readonly result: "kept"; readonly reason: string };

interface Stretch {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

const CHUNK_BYTES = 256 * 1024;
const REPAIRED = /\.repaired-[0-9a-f]{8}\.prom$/;
const WRITTEN_MEANWHILE = "it was written to meanwhile";

/**
 * Takes stretches that hold no valid frame out of a closed day file; every other byte stays, in its order. A
 * stretch that reaches into a valid frame, or into one of a later version, is left where it is.
 *
 * The rest is written beside the file, synced, read back and only then renamed. A file that nobody appends to
 * any more, compressed or repaired before, is replaced. Any other one becomes
 * `2025-10-06.repaired-<8 digits>.prom`, and the original is removed as {@link removeDay} does it: what a writer
 * adds meanwhile is in the one or the other. A process that dies half-way leaves both, and readers take each frame
 * once.
 *
 * Only one process may do this to a directory at a time.
 *
 * @param file Closed; from an index of this journal.
 * @param without Stretches of this file, by the same index.
 * @throws {JournalError} The system failed, or what was written could not be read back; the file is still whole.
 */
export async function repairDay(
  journal: Journal,
  file: JournalFile,
  without: readonly Stretch[],
): Promise<RepairResult> {
  if (!file.closed) return { result: "kept", reason: "the day is not over" };
  if (file.error !== undefined) return { result: "kept", reason: file.error.message };
  const { dir, fs } = journal;
  const path = join(dir, file.name);
  const partial = `${path}.repair.partial`;
  try {
    const open = await fs.openRead(path);
    try {
      if (!(await isUnchanged(open, file))) return { result: "kept", reason: WRITTEN_MEANWHILE };
      const before = await scan(open, file.name, file.sizeBytes, path);
      const valid = [...before.frames, ...before.unsupported];
      const going = outside(without, valid);
      if (going.length === 0) return { result: "kept", reason: "nothing can be taken out without a frame" };
      if (valid.length === 0) {
        return (await removeDay(journal, file)) === "removed"
          ? { result: "repaired", gone: true }
          : { result: "kept", reason: WRITTEN_MEANWHILE };
      }
      await copyRest(fs, open, file.sizeBytes, going, partial);
      await demandSame(fs, partial, file.name, before);
      const name = repairedName(file, without);
      const inPlace = name === file.name;
      if (inPlace && !(await isUnchanged(await fs.stat(path), file))) {
        return { result: "kept", reason: WRITTEN_MEANWHILE };
      }
      await fs.rename(partial, join(dir, name));
      await fs.syncDirectory(dir);
      if (inPlace || (await removeDay(journal, file)) === "removed") {
        return { result: "repaired", gone: false };
      }
      return { result: "kept", reason: WRITTEN_MEANWHILE };
    } finally {
      await open.close();
      await ignoringMissing(fs.unlink(partial));
    }
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return { result: "kept", reason: "it is no longer there" };
    throw systemFailure("repair", path, error);
  }
}

/**
 * What the file is called once it is repaired. The same for the same call after a crash, so that no second copy
 * is made.
 */
export function repairedName({ name, sizeBytes }: JournalFile, without: readonly Stretch[]): string {
  if (isPacked(name) || REPAIRED.test(name)) return name;
  const going = without.map(({ offsetBytes, lengthBytes }) => `${offsetBytes}+${lengthBytes}`);
  const digits = crc32(`${name} ${sizeBytes} ${going.join(" ")}`)
    .toString(16)
    .padStart(8, "0");
  return `${name.slice(0, -".prom".length)}.repaired-${digits}.prom`;
}

async function isUnchanged(
  found: ReadFile | Awaited<ReturnType<JournalFs["stat"]>>,
  { identity, sizeBytes }: JournalFile,
): Promise<boolean> {
  const stat = "stat" in found ? await found.stat() : found;
  return stat.identity === identity && stat.sizeBytes === sizeBytes;
}

function scan(open: ReadFile, name: string, sizeBytes: number, path: string): Promise<FrameScan> {
  return isPacked(name) ? readPacked(open, sizeBytes, path) : readFrames(open, sizeBytes);
}

/** By offset, those that touch none of the frames. */
function outside(stretches: readonly Stretch[], frames: readonly Stretch[]): Stretch[] {
  const endOf = ({ offsetBytes, lengthBytes }: Stretch) => offsetBytes + lengthBytes;
  const byOffset = (a: Stretch, b: Stretch) => a.offsetBytes - b.offsetBytes;
  const inOrder = [...frames].sort(byOffset);
  let next = 0;
  return [...stretches].sort(byOffset).filter((stretch) => {
    while (next < inOrder.length && endOf(inOrder[next]!) <= stretch.offsetBytes) next++;
    return next === inOrder.length || inOrder[next]!.offsetBytes >= endOf(stretch);
  });
}

/** Writes what lies outside the stretches to `partial` and syncs it. */
async function copyRest(
  fs: JournalFs,
  open: ReadFile,
  sizeBytes: number,
  going: readonly Stretch[],
  partial: string,
): Promise<void> {
  await ignoringMissing(fs.unlink(partial));
  const output = await fs.openAppend(partial);
  try {
    let offset = 0;
    for (const { offsetBytes, lengthBytes } of [...going, { offsetBytes: sizeBytes, lengthBytes: 0 }]) {
      while (offset < offsetBytes) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, offsetBytes - offset));
        const count = await open.read(chunk, offset);
        if (count === 0) throw Object.assign(new Error("the file ended early"), { code: "EIO" });
        await appendAll(output, chunk.subarray(0, count));
        offset += count;
      }
      offset = Math.max(offset, offsetBytes + lengthBytes);
    }
    await output.sync();
  } finally {
    await output.close();
  }
}

async function appendAll(output: AppendFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) {
    const written = await output.append(rest);
    if (written === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    rest = rest.subarray(written);
  }
}

/** Whether the frames are the same ones, byte for byte as far as their checksums say, in the same order. */
async function demandSame(fs: JournalFs, path: string, name: string, before: FrameScan): Promise<void> {
  const open = await fs.openRead(path);
  try {
    const after = await scan(open, name, (await open.stat()).sizeBytes, path);
    if (JSON.stringify(contentOf(after)) === JSON.stringify(contentOf(before))) return;
    throw Object.assign(new Error("what was written could not be read back"), { code: "EIO" });
  } finally {
    await open.close();
  }
}

function contentOf({ frames, unsupported }: FrameScan): unknown {
  return [
    frames.map(({ header, crc32: sum, lengthBytes }) => [header, sum, lengthBytes]),
    unsupported.map(({ unsupported: what, lengthBytes }) => [what, lengthBytes]),
  ];
}

async function ignoringMissing(result: Promise<void>): Promise<void> {
  try {
    await result;
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") throw error;
  }
}
