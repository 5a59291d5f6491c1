import { type FrameRef, isPacked, type JournalIndex } from "@promferry/core/journal";
import type { Ledger } from "@promferry/uploader";

export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
  readonly frames: number;
  readonly sessions: number;
  readonly samples: number;
  readonly closed: boolean;
  readonly compressed: boolean;
  readonly error?: string;
  /** By destination. */
  readonly uploads: Readonly<Record<string, string>>;
}

export interface DayFacts {
  readonly day: string;
  readonly files: number;
  readonly bytes: number;
  /** Each session and number once. */
  readonly frames: number;
  readonly sessions: number;
  readonly samples: number;
  readonly closed: boolean;
  /** Whether all of its files are. */
  readonly compressed: boolean;
}

/** By name. */
export function describeFiles(index: JournalIndex, ledger: Ledger): FileFacts[] {
  const byFile = framesByFile(index);
  return index.files.map(({ name, sizeBytes, frameCount, closed, error }) => {
    const uploads = [...(ledger.files.get(name) ?? [])].map(([destination, record]) => [
      destination,
      record.status,
    ]);
    return {
      name,
      bytes: sizeBytes,
      ...contentOf(byFile.get(name) ?? []),
      frames: frameCount,
      closed,
      compressed: isPacked(name),
      ...(error ? { error: error.message } : {}),
      uploads: Object.fromEntries(uploads),
    };
  });
}

/** Oldest first. */
export function describeDays(index: JournalIndex): DayFacts[] {
  const byFile = framesByFile(index);
  const days = [...new Set(index.files.map(({ day }) => day))].sort();
  return days.map((day) => {
    const files = index.files.filter((file) => file.day === day);
    return {
      day,
      files: files.length,
      bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      ...contentOf(files.flatMap(({ name }) => byFile.get(name) ?? [])),
      closed: files.every(({ closed }) => closed),
      compressed: files.every(({ name }) => isPacked(name)),
    };
  });
}

function framesByFile({ frames, files }: JournalIndex): Map<string, FrameRef[]> {
  const byFile = new Map(files.map(({ name }) => [name, [] as FrameRef[]]));
  for (const frame of frames) byFile.get(frame.file)?.push(frame);
  return byFile;
}

function contentOf(frames: readonly FrameRef[]): { frames: number; sessions: number; samples: number } {
  return {
    frames: frames.length,
    sessions: new Set(frames.map(({ header }) => header.session)).size,
    samples: frames.reduce((sum, { sampleCount }) => sum + sampleCount, 0),
  };
}
