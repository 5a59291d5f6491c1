/**
 * A reader of day files that shares no code with the product: what the oracles know of a journal comes
 * from here and from the programs that wrote it.
 */
import { gunzipSync } from "node:zlib";

export interface ReadFrame {
  readonly session: string;
  readonly seq: number;
  readonly writtenMs: number;
  readonly kind: string;
  readonly exit: boolean;
  /** Sample line up to the value, to value; those of `changes` frames carried forward. */
  readonly samples: ReadonlyMap<string, number>;
  /** False where a frame that it builds on is missing. */
  readonly whole: boolean;
}

interface Listed extends Omit<ReadFrame, "samples" | "whole"> {
  readonly base: number | undefined;
  readonly listed: ReadonlyMap<string, number>;
}

const HEADER =
  /^# Written: (\S+) v=[12] session=([0-9a-f]{8}) seq=(\d+) kind=(\w+) origin=\w+ consent=\w+(?: base=(\d+))?( exit=1)?$/;
const TRAILER = /^# End: session=([0-9a-f]{8}) seq=(\d+) samples=(\d+) crc32=([0-9a-f]{8})$/;
/** A sample that is no number; its value here is NaN. */
const SPECIAL =
  /^#~ (?:histogram ([a-zA-Z_:][\w:]*(?:\{[^}]*\})?) \{.*\}|stale ([a-zA-Z_:][\w:]*(?:\{[^}]*\})?)) (-?\d+)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+) (-?\d+)$/;

/** Every valid frame of a directory's day files, by session and number, in order of time. */
export function readFrames(files: ReadonlyMap<string, Uint8Array>): ReadFrame[] {
  const found = new Map<string, Listed>();
  for (const name of [...files.keys()].sort()) {
    if (!/^\d{4}-\d{2}-\d{2}.*\.prom(\.gz)?$/.test(name)) continue;
    const bytes = Buffer.from(files.get(name)!);
    for (const frame of framesOf(name.endsWith(".gz") ? gunzipSync(bytes) : bytes)) {
      const key = `${frame.session} ${frame.seq}`;
      if (!found.has(key)) found.set(key, frame);
    }
  }
  const resolved = new Map<string, ReadFrame>();
  for (const frame of [...found.values()].sort((a, b) => a.seq - b.seq)) {
    const { base: baseSeq, listed, ...rest } = frame;
    const base = baseSeq === undefined ? undefined : resolved.get(`${frame.session} ${baseSeq}`);
    const whole = baseSeq === undefined || base?.whole === true;
    const samples = base === undefined ? listed : new Map([...base.samples, ...listed]);
    resolved.set(`${frame.session} ${frame.seq}`, { ...rest, samples, whole });
  }
  return [...resolved.values()].sort(
    (a, b) => a.writtenMs - b.writtenMs || (a.session < b.session ? -1 : 1) || a.seq - b.seq,
  );
}

function framesOf(bytes: Buffer): Listed[] {
  const frames: Listed[] = [];
  const MARK = "# Written: ";
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    if (at > 0 && bytes[at - 1] !== 10) continue;
    const end = bytes.indexOf("\n# End: ", at);
    const next = bytes.indexOf(`\n${MARK}`, at);
    if (end < 0 || (next >= 0 && next < end)) continue;
    const close = bytes.indexOf("\n", end + 1);
    if (close < 0) continue;
    const frame = frameOf(bytes.subarray(at, end + 1), bytes.toString("latin1", end + 1, close));
    if (frame !== undefined) frames.push(frame);
  }
  return frames;
}

function frameOf(content: Buffer, trailer: string): Listed | undefined {
  const [first = "", ...lines] = content.toString("utf8").split("\n");
  const header = HEADER.exec(first);
  const end = TRAILER.exec(trailer);
  if (header === null || end === null) return undefined;
  const [, written = "", session = "", seq = "", kind = "", base, exit] = header;
  if (end[1] !== session || end[2] !== seq || Number.parseInt(end[4]!, 16) !== crcOf(content))
    return undefined;
  const listed = new Map<string, number>();
  for (const line of lines) {
    const special = SPECIAL.exec(line);
    if (special !== null) listed.set(special[1] ?? special[2] ?? "", Number.NaN);
    if (line === "" || line.startsWith("#")) continue;
    const sample = SAMPLE.exec(line);
    if (sample === null) return undefined;
    listed.set(sample[1]!, Number(sample[2]));
  }
  if (listed.size !== Number(end[3])) return undefined;
  return {
    session,
    seq: Number(seq),
    writtenMs: Date.parse(written),
    kind,
    base: base === undefined ? undefined : Number(base),
    exit: exit !== undefined,
    listed,
  };
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 of ISO 3309, bit by bit as its text has it. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
