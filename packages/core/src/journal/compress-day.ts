import { join } from "node:path";
import { isPacked, packedName } from "./day-file.ts";
import type { Journal, JournalFile } from "./journal.ts";
import { errorNumber, systemFailure } from "./journal-error.ts";
import type { AppendFile, JournalFs, ReadFile } from "./journal-fs.ts";
import { packFrame } from "./packed-frames.ts";
import { readFrames } from "./read-frames.ts";
import { readPacked } from "./read-packed.ts";
import { removeDay } from "./remove-day.ts";
import type { FrameScan, ScannedFrame } from "./scan-frames.ts";

/**
 * `compressed`: the day file has become `2025-10-06.prom.gz`. `kept`: it stays as it is, because
 * something was written since the index was made, not every byte of it is a frame, or an earlier
 * compressed file of its name lacks some of its frames.
 */
export type CompressionResult = "compressed" | "kept";

/**
 * Compresses one closed day file, frame by frame, and removes the original once the compressed file is
 * on the disk and was read back. A process that dies half-way leaves both, or a `.partial` file that
 * the next call removes; readers take each frame once.
 *
 * Only one process may do this to a directory at a time.
 *
 * @param file Closed and not compressed; from an index of this journal.
 * @throws {JournalError} The system failed; the day file is still whole.
 */
export async function compressDay(journal: Journal, file: JournalFile): Promise<CompressionResult> {
  if (!file.closed || isPacked(file.name) || file.error !== undefined) return "kept";
  const { dir, fs } = journal;
  const path = join(dir, file.name);
  try {
    const written = await withFile(fs, path, (open) => pack(journal, file, open));
    if (written === "kept") return "kept";
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return "kept";
    throw systemFailure("compress", path, error);
  }
  return (await removeDay(journal, file)) === "removed" ? "compressed" : "kept";
}

/** Writes what the day file holds beside it, unless that stands there already. */
async function pack({ dir, fs }: Journal, file: JournalFile, open: ReadFile): Promise<"written" | "kept"> {
  const scan = await readFrames(open, file.sizeBytes);
  if (!isWhole(scan)) return "kept";
  const frames = withoutRepeated(scan.frames);
  const target = join(dir, packedName(file.name));
  const earlier = await framesOf(fs, target);
  if (earlier !== undefined) return holdsAll(earlier, frames) ? "written" : "kept";

  const partial = `${target}.partial`;
  await ignoringMissing(fs.unlink(partial));
  const output = await fs.openAppend(partial);
  try {
    for (const frame of frames) await appendWhole(output, await packFrame(await readFrame(open, frame)));
    await output.sync();
  } finally {
    await output.close();
  }
  const readBack = await framesOf(fs, partial);
  if (readBack === undefined || !holdsAll(readBack, frames)) {
    throw Object.assign(new Error("what was written could not be read back"), { code: "EIO" });
  }
  await fs.rename(partial, target);
  await fs.syncDirectory(dir);
  return "written";
}

/** Frames and nothing else: damage is for the quarantine, and what is not understood stays as it was written. */
function isWhole({ frames, damage, unsupported, pending }: FrameScan): boolean {
  return frames.length > 0 && damage.length === 0 && unsupported.length === 0 && pending === undefined;
}

function withoutRepeated(frames: readonly ScannedFrame[]): ScannedFrame[] {
  return [...new Map(frames.map((frame) => [frameKey(frame), frame])).values()];
}

function holdsAll(scan: FrameScan, frames: readonly ScannedFrame[]): boolean {
  const held = new Set(scan.frames.map(frameKey));
  return frames.every((frame) => held.has(frameKey(frame)));
}

function frameKey({ header, crc32 }: ScannedFrame): string {
  return `${header.session} ${header.seq} ${crc32}`;
}

async function framesOf(fs: JournalFs, path: string): Promise<FrameScan | undefined> {
  return ignoringMissing(
    withFile(fs, path, async (open) => readPacked(open, (await open.stat()).sizeBytes, path)),
  );
}

async function withFile<T>(fs: JournalFs, path: string, use: (file: ReadFile) => Promise<T>): Promise<T> {
  const file = await fs.openRead(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** The frame's bytes and the line feed before it. */
async function readFrame(file: ReadFile, { offsetBytes, lengthBytes }: ScannedFrame): Promise<Uint8Array> {
  const bytes = Buffer.alloc(lengthBytes + 1, "\n");
  for (let length = 1; length < bytes.length; ) {
    const count = await file.read(bytes.subarray(length), offsetBytes + length - 1);
    if (count === 0) throw Object.assign(new Error("the file ended early"), { code: "EIO" });
    length += count;
  }
  return bytes;
}

async function appendWhole(file: AppendFile, bytes: Uint8Array): Promise<void> {
  const written = await file.append(bytes);
  if (written === bytes.length) return;
  throw Object.assign(new Error(`only ${written} of ${bytes.length} bytes were written`), { code: "ENOSPC" });
}

async function ignoringMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return undefined;
    throw error;
  }
}
