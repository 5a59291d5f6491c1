import { crc32, deflateRaw, inflateRawSync } from "node:zlib";
import { MAX_FRAME_BYTES } from "./encode-frame.ts";
import { type FrameScan, type ScannedDamage, type ScannedFrame, scanFrames } from "./scan-frames.ts";

/**
 * A closed day's file, compressed: one gzip member for each frame, so that a damaged byte costs one
 * frame and a single frame can be read alone. `zcat` gives the day file back.
 *
 * @see RFC 1952, GZIP file format, sections 2.2 (members) and 2.3.1.1 (extra field)
 */

/** How each member begins: deflate, an extra field `PF` without data, no time, unknown system. */
const MEMBER_MARK = Buffer.from([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 4, 0, 80, 70, 0, 0]);
/** CRC-32 and length of the content. */
const TRAILER_BYTES = 8;

/**
 * One frame as a member.
 *
 * @param frame With the line feed before it.
 */
export async function packFrame(frame: Uint8Array): Promise<Uint8Array> {
  const packed = await new Promise<Buffer>((resolve, reject) => {
    deflateRaw(frame, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(frame), 0);
  trailer.writeUInt32LE(frame.length, 4);
  return Buffer.concat([MEMBER_MARK, packed, trailer]);
}

/** Where the next member begins, at or after `from`; -1 where none does. */
export function findMember(bytes: Uint8Array, from: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(MEMBER_MARK, from);
}

/**
 * The content of the member at the beginning of `bytes`, and the member's length. Its trailer is for other programs:
 * a frame has a checksum of its own.
 *
 * @returns Undefined where no member of ours begins here, or where it can't be inflated.
 */
export function unpackFrame(bytes: Uint8Array): { content: Uint8Array; lengthBytes: number } | undefined {
  if (findMember(bytes.subarray(0, MEMBER_MARK.length), 0) !== 0) return undefined;
  try {
    const { buffer, engine } = inflateRawSync(bytes.subarray(MEMBER_MARK.length), {
      info: true,
      // Frame, line feed before it, and room for what may stand there by mistake.
      maxOutputLength: MAX_FRAME_BYTES + 1024,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    const lengthBytes = MEMBER_MARK.length + engine.bytesWritten + TRAILER_BYTES;
    return { content: buffer, lengthBytes: Math.min(lengthBytes, bytes.length) };
  } catch {
    return undefined;
  }
}

/** What stands in a stretch that reaches from one member's beginning to the next one's. */
export function scanMember(bytes: Uint8Array, offsetBytes: number): FrameScan {
  const member = unpackFrame(bytes);
  if (member === undefined) return { ...NOTHING, damage: [stretch(offsetBytes, bytes.length, "checksum")] };
  const span = { offsetBytes, lengthBytes: member.lengthBytes };
  const scan = scanFrames(member.content);
  const frames: ScannedFrame[] = scan.frames.slice(0, 1).map((frame) => ({ ...frame, ...span }));
  const unsupported = scan.unsupported.slice(0, 1).map((frame) => ({ ...frame, ...span }));
  const damage: ScannedDamage[] = scan.damage.slice(0, 1).map((each) => ({ ...each, ...span }));
  if (frames.length + unsupported.length + damage.length === 0) {
    damage.push(stretch(offsetBytes, member.lengthBytes, "torn"));
  }
  const rest = bytes.length - member.lengthBytes;
  if (rest > 0) damage.push(stretch(offsetBytes + member.lengthBytes, rest, "stray"));
  return { frames, damage, unsupported, pending: undefined };
}

const NOTHING: FrameScan = { frames: [], damage: [], unsupported: [], pending: undefined };

function stretch(offsetBytes: number, lengthBytes: number, reason: ScannedDamage["reason"]): ScannedDamage {
  return { offsetBytes, lengthBytes, reason };
}
