import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type DayBoundary,
  dayFileName,
  encodeFrame,
  type FrameHeader,
  type JournalFs,
  type JournalIndex,
  MAX_FRAME_BYTES,
} from "@promferry/core/journal";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { WrittenBlock } from "./read-blocks.ts";

/** The frames of one file, as they will stand in the journal. */
export interface ImportPlan {
  /** The same for the same content. */
  readonly session: string;
  readonly frames: readonly PlannedFrame[];
  readonly sampleCount: number;
}

interface PlannedFrame {
  readonly header: FrameHeader;
  readonly block: WrittenBlock;
}

/** How often the program of the seed writes. */
const INTERVAL_MS = 300_000;
/** One damaged frame shall not cost the info of a whole day; as the journal's writer does it. */
const INFO_COPIES = 2;

/**
 * One session, its blocks by time. A block that is not later than the one before gets a frame 1 ms after it; its
 * samples keep their times.
 */
export function planImport(bytes: Uint8Array, blocks: readonly WrittenBlock[]): ImportPlan {
  const session = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
  let lastMs = Number.NEGATIVE_INFINITY;
  const inOrder = [...blocks].sort((a, b) => a.writtenMs - b.writtenMs);
  const frames = inOrder.map((block, seq): PlannedFrame => {
    lastMs = Math.max(block.writtenMs, lastMs + 1);
    const origin = { origin: "scrape", consent: "user" } as const;
    return { block, header: { writtenMs: lastMs, session, seq, kind: "full", ...origin, exit: false } };
  });
  return { session, frames, sampleCount: blocks.reduce((sum, { sampleCount }) => sum + sampleCount, 0) };
}

/**
 * The frames that the journal does not have yet.
 *
 * @throws {CliError} Another session of the journal has this one's name.
 */
export function missingFrames(plan: ImportPlan, index: JournalIndex): readonly PlannedFrame[] {
  const known = new Map(
    [...index.frames, ...index.held]
      .filter(({ header }) => header.session === plan.session)
      .map((ref) => [ref.header.seq, ref]),
  );
  for (const [seq, { header, sampleCount }] of known) {
    const own = plan.frames[seq];
    if (own?.header.writtenMs === header.writtenMs && own.block.sampleCount === sampleCount) continue;
    throw new CliError(EXIT.io, `the journal has another session named ${plan.session}`, {
      hint: "import the file into another folder with --dir",
    });
  }
  return plan.frames.filter(({ header }) => !known.has(header.seq));
}

/**
 * Writes the days that lack frames to files of the session's own, `2025-10-06.<session>.prom`. Each appears at once
 * and whole; a process that dies between two of them leaves days that the same import adds next time.
 *
 * @returns The files' names.
 * @throws What the file system throws.
 */
export async function writeFrames(
  { frames }: ImportPlan,
  missing: readonly PlannedFrame[],
  { dir, fs, dayBoundary }: { dir: string; fs: JournalFs; dayBoundary: DayBoundary },
): Promise<string[]> {
  const nameOf = ({ header }: PlannedFrame) => dayFileName(header.writtenMs, dayBoundary, header.session);
  const byFile = new Map(missing.map((frame) => [nameOf(frame), [] as PlannedFrame[]]));
  for (const frame of frames) byFile.get(nameOf(frame))?.push(frame);
  await fs.makeDirectory(dir);
  const startedMs = frames[0]?.header.writtenMs ?? 0;
  for (const [name, own] of byFile) {
    const partial = join(dir, `${name}.${randomBytes(4).toString("hex")}.partial`);
    try {
      const file = await fs.openAppend(partial);
      try {
        for (const [i, { header, block }] of own.entries()) {
          const info = i < INFO_COPIES ? { startedMs, intervalMs: INTERVAL_MS } : undefined;
          await appendAll(file, encode(header, info, block));
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.rename(partial, join(dir, name));
    } catch (error) {
      await fs.unlink(partial).catch(() => {});
      throw error;
    }
  }
  await fs.syncDirectory(dir);
  return [...byFile.keys()];
}

function encode(
  header: FrameHeader,
  info: Parameters<typeof encodeFrame>[1],
  { families }: WrittenBlock,
): Uint8Array {
  const bytes = encodeFrame(header, info, families);
  if (bytes.length <= MAX_FRAME_BYTES) return bytes;
  const at = new Date(header.writtenMs).toISOString();
  throw new CliError(
    EXIT.io,
    `the block written at ${at} is larger than ${MAX_FRAME_BYTES} bytes as a frame`,
  );
}

async function appendAll(
  file: Awaited<ReturnType<JournalFs["openAppend"]>>,
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) {
    const written = await file.append(rest);
    if (written === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    rest = rest.subarray(written);
  }
}
