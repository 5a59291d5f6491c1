import { MAX_FRAME_BYTES } from "./encode-frame.ts";
import type { ReadFile } from "./journal-fs.ts";
import { createFrameScanner, type FrameScan } from "./scan-frames.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * Scans an open file up to `sizeBytes`, in chunks of 256 KiB. Only a single line longer than that
 * takes more memory, at most {@link MAX_FRAME_BYTES}.
 */
export async function readFrames(file: ReadFile, sizeBytes: number): Promise<FrameScan> {
  const scanner = createFrameScanner();
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let held = 0;
  let offset = 0;
  while (offset < sizeBytes) {
    const room = buffer.subarray(held, Math.min(buffer.length, held + sizeBytes - offset));
    const count = await file.read(room, offset);
    if (count === 0) break;
    offset += count;
    held += count;
    const lines = buffer.lastIndexOf(LF, held - 1) + 1;
    if (lines > 0) {
      scanner.push(buffer.subarray(0, lines));
      buffer.copyWithin(0, lines, held);
      held -= lines;
    } else if (held >= MAX_FRAME_BYTES) {
      // No frame of ours has such a line, so nothing is lost by cutting it: it is damage either way.
      scanner.push(buffer);
      held = 0;
    } else if (held === buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(held * 2, MAX_FRAME_BYTES));
      buffer.copy(larger);
      buffer = larger;
    }
  }
  if (held > 0) scanner.push(buffer.subarray(0, held));
  return scanner.finish();
}

const LF = 10;
