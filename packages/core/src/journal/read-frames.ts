import { MAX_FRAME_BYTES } from "./encode-frame.ts";
import type { ReadFile } from "./journal-fs.ts";
import { createFrameScanner, type FrameScan } from "./scan-frames.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface ReadFramesOptions {
  /** Where to begin: between two frames. Default 0. */
  readonly fromBytes?: number;
  /** Ends after so many bytes, once there is a frame; what is cut off is `pending`. Default: no end. */
  readonly budgetBytes?: number;
}

/**
 * Scans an open file up to `sizeBytes`, in chunks of 1 MiB. Only a single line longer than that
 * takes more memory, at most {@link MAX_FRAME_BYTES}.
 *
 * @returns What was found up to `endBytes`, where the next scan of the file has to begin.
 */
export async function readFrames(
  file: ReadFile,
  sizeBytes: number,
  { fromBytes = 0, budgetBytes = Number.POSITIVE_INFINITY }: ReadFramesOptions = {},
): Promise<FrameScan & { readonly endBytes: number }> {
  const scanner = createFrameScanner(fromBytes);
  let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(sizeBytes - fromBytes, 0)));
  let held = 0;
  let offset = fromBytes;
  while (offset < sizeBytes) {
    if (offset - fromBytes >= budgetBytes && scanner.hasFrame) break;
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
  const scan = scanner.finish();
  return { ...scan, endBytes: scan.pending?.offsetBytes ?? offset };
}

const LF = 10;
