import { MAX_FRAME_BYTES } from "./encode-frame.ts";
import { JournalError } from "./journal-error.ts";
import type { ReadFile } from "./journal-fs.ts";
import { findMember, scanMember } from "./packed-frames.ts";
import type { FrameScan } from "./scan-frames.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * Scans an open compressed day file up to `sizeBytes`. Memory is that of its largest member.
 *
 * @param path For the error.
 * @throws {JournalError} `ERR_JOURNAL_UNSUPPORTED`: no member of the file is one of ours.
 */
export async function readPacked(file: ReadFile, sizeBytes: number, path: string): Promise<FrameScan> {
  const scans: FrameScan[] = [];
  let held = Buffer.alloc(0);
  let heldAt = 0;
  let isOurs = false;
  const take = (lengthBytes: number) => {
    scans.push(scanMember(held.subarray(0, lengthBytes), heldAt));
    held = held.subarray(lengthBytes);
    heldAt += lengthBytes;
  };
  for (let offset = 0; offset < sizeBytes; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes - offset));
    const count = await file.read(chunk, offset);
    if (count === 0) break;
    offset += count;
    held = Buffer.concat([held, chunk.subarray(0, count)]);
    isOurs ||= findMember(held, 0) >= 0;
    for (let next = findMember(held, 1); next > 0; next = findMember(held, 1)) take(next);
    if (held.length > MAX_FRAME_BYTES) take(held.length);
  }
  if (sizeBytes > 0 && !isOurs) {
    const what = "it was compressed by another program; `gunzip` it";
    throw new JournalError("ERR_JOURNAL_UNSUPPORTED", `cannot read ${path}: ${what}`, path);
  }
  if (held.length > 0) take(held.length);
  return {
    frames: scans.flatMap(({ frames }) => frames),
    damage: scans.flatMap(({ damage }) => damage),
    unsupported: scans.flatMap(({ unsupported }) => unsupported),
    pending: undefined,
  };
}
