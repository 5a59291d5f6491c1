import { MAX_FRAME_BYTES } from "./encode-frame.ts";
import type { ReadFile } from "./journal-fs.ts";
import { createFrameScanner, type FrameScan } from "./scan-frames.ts";

const CHUNK_BYTES = 512 * 1024;

export interface ReadFramesOptions {
  /** Where to begin: between two frames. Default 0. */
  readonly fromBytes?: number;
  /** Ends after so many bytes, once there is a frame; what is cut off is `pending`. Default: no end. */
  readonly budgetBytes?: number;
}

/**
 * Scans an open file up to `sizeBytes`, in chunks of 512 KiB, the next of which is read while one is scanned. Only a single
 * line longer than that takes more memory, at most twice {@link MAX_FRAME_BYTES}.
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
  let other = Buffer.allocUnsafe(buffer.length);
  let held = 0;
  let offset = fromBytes;
  const readOn = (): Promise<number> | undefined => {
    if (offset >= sizeBytes) return undefined;
    return file.read(buffer.subarray(held, Math.min(buffer.length, held + sizeBytes - offset)), offset);
  };
  let ahead = readOn();
  while (ahead !== undefined) {
    const count = await ahead;
    if (count === 0) break;
    offset += count;
    held += count;
    let lines = buffer.lastIndexOf(LF, held - 1) + 1;
    // No frame of ours has such a line, so nothing is lost by cutting it: it is damage either way.
    if (lines === 0 && held >= MAX_FRAME_BYTES) lines = held;
    if (lines > 0 || held === buffer.length) {
      if (lines === 0) other = Buffer.allocUnsafe(Math.min(held * 2, MAX_FRAME_BYTES));
      buffer.copy(other, 0, lines, held);
      [buffer, other] = [other, buffer];
      held -= lines;
    }
    ahead = readOn();
    scanner.push(other.subarray(0, lines));
    if (other.length < buffer.length) other = Buffer.allocUnsafe(buffer.length);
    if (offset - fromBytes < budgetBytes || !scanner.hasFrame) continue;
    // Nobody wants it any more, but the file is closed after it.
    await ahead?.catch(() => 0);
    break;
  }
  if (held > 0) scanner.push(buffer.subarray(0, held));
  const scan = scanner.finish();
  return { ...scan, endBytes: scan.pending?.offsetBytes ?? offset };
}

const LF = 10;
