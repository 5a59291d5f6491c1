import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeriesDictionary, type MetricFamily } from "../series/index.ts";
import { decodeFrame } from "./decode-frame.ts";
import { encodeFrame } from "./encode-frame.ts";
import type { FrameHeader, SessionInfo } from "./frame.ts";
import { createFrameScanner, type FrameScan, scanFrames } from "./scan-frames.ts";

const START = Date.UTC(2025, 9, 6, 14, 30);
const INFO: SessionInfo = { app: "k1", startedMs: START, intervalMs: 300_000 };
const dictionary = createSeriesDictionary();

function header(seq: number, rest: Partial<FrameHeader> = {}): FrameHeader {
  const fixed = { session: "3f9c2a17", origin: "app", consent: "config" } as const;
  return { ...fixed, seq, writtenMs: START + seq * 1000, kind: "full", exit: false, ...rest };
}

function views(...values: number[]): MetricFamily {
  return {
    name: "k1_views_total",
    type: "counter",
    help: "Screens.",
    unit: "",
    series: values.map((_, i) => dictionary.intern("k1_views_total", [{ name: "screen", value: `s${i}` }])),
    values,
    timestampsMs: values.map(() => Number.NaN),
  };
}

/** Three frames of a session, as a day file has them. */
const FRAMES = [
  encodeFrame(header(0, { kind: "start" }), INFO, []),
  encodeFrame(header(1), INFO, [views(1, 2)]),
  encodeFrame(header(2, { exit: true }), undefined, [views(3, 4)]),
];
const FILE = Buffer.concat(FRAMES);

/** What a reader gets: everything in the frames, and where they came from. */
function returned(bytes: Uint8Array, { frames }: FrameScan): string[] {
  return frames.map(({ header: { seq }, info, offsetBytes, lengthBytes }) => {
    const families = decodeFrame(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
    return JSON.stringify({ seq, info, families });
  });
}

const WHOLE = returned(FILE, scanFrames(FILE));

test("the frames of a file are found with their info and place", () => {
  const scan = scanFrames(FILE);
  expect(scan).toMatchObject({ damage: [], unsupported: [], pending: undefined });
  expect(scan.frames.map(({ header: found }) => found)).toEqual([
    header(0, { kind: "start" }),
    header(1),
    header(2, { exit: true }),
  ]);
  expect(scan.frames.map(({ info }) => info)).toEqual([INFO, INFO, undefined]);
  expect(scan.frames.map(({ sampleCount }) => sampleCount)).toEqual([0, 2, 2]);
  expect(scan.frames.map(({ offsetBytes }) => FILE.toString("utf8", offsetBytes, offsetBytes + 10))).toEqual(
    Array(3).fill("# Written:"),
  );
});

test("a flip of any byte costs at most one frame and is reported", () => {
  for (let at = 0; at < FILE.length; at++) {
    for (const mask of [0x01, 0x20, 0x80, 0xff, FILE[at]! ^ 10]) {
      if (mask === 0) continue;
      const flipped = Buffer.from(FILE);
      flipped[at]! ^= mask;
      const scan = scanFrames(flipped);
      const found = returned(flipped, scan);
      const place = `byte ${at} with ${mask}`;
      expect(WHOLE, place).toEqual(expect.arrayContaining(found));
      expect(found.length, place).toBeGreaterThanOrEqual(2);
      const reported = scan.damage.length + scan.unsupported.length + (scan.pending ? 1 : 0);
      expect(found.length === 3 || reported > 0, place).toBe(true);
    }
  }
});

test("a file cut at any byte keeps its whole frames, and the rest is pending", () => {
  let whole = 0;
  let wholeBytes = 0;
  for (let length = 0; length <= FILE.length; length++) {
    if (length === wholeBytes + (FRAMES[whole]?.length ?? Number.NaN)) wholeBytes += FRAMES[whole++]!.length;
    const cut = FILE.subarray(0, length);
    const scan = scanFrames(cut);
    expect(returned(cut, scan), `cut at ${length}`).toEqual(WHOLE.slice(0, whole));
    expect(scan.damage, `cut at ${length}`).toEqual([]);
    // The line feed before a frame belongs to nobody.
    const tail =
      length - wholeBytes > 1
        ? { offsetBytes: wholeBytes + 1, lengthBytes: length - wholeBytes - 1 }
        : undefined;
    expect(scan.pending, `cut at ${length}`).toEqual(tail);
  }
});

test("a torn frame before a valid one is damage, wherever it was torn", () => {
  const torn = FRAMES[1]!;
  // Without its last line feed only, a frame is whole: it borrows the next one's first.
  for (let length = 2; length < torn.length - 1; length++) {
    const file = Buffer.concat([FRAMES[0]!, torn.subarray(0, length), FRAMES[1]!, FRAMES[2]!]);
    const scan = scanFrames(file);
    expect(returned(file, scan), `torn at ${length}`).toEqual(WHOLE);
    const place = { offsetBytes: FRAMES[0]!.length + 1, lengthBytes: length };
    expect(scan.damage, `torn at ${length}`).toMatchObject([place]);
  }
});

test("the pieces in which a file comes do not matter", () => {
  const lines = FILE.toString("latin1").split(/(?<=\n)/);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: lines.length }), (sizes) => {
      const scanner = createFrameScanner();
      for (let i = 0, n = 0; i < lines.length; i += sizes[n++]!) {
        scanner.push(Buffer.from(lines.slice(i, i + sizes[n]!).join(""), "latin1"));
      }
      expect(scanner.finish()).toEqual(scanFrames(FILE));
    }),
    { numRuns: 50 },
  );
});

for (const { name, change, unsupported } of [
  { name: "a later version", change: (text: string) => text.replace(" v=1 ", " v=3 "), unsupported: "v=3" },
  {
    name: "a later version with another trailer",
    change: (text: string) => text.replace(" v=1 ", " v=3 ").replace(/# End:.*/, "# End: sha256=0"),
    unsupported: "v=3",
  },
  {
    name: "a later version without a trailer",
    change: (text: string) => text.replace(" v=1 ", " v=4 ").replace(/# End:.*\n/, ""),
    unsupported: "v=4",
  },
]) {
  test(`a frame of ${name} is refused by name and is no damage`, () => {
    const file = Buffer.concat([FRAMES[0]!, Buffer.from(change(FRAMES[1]!.toString())), FRAMES[2]!]);
    const scan = scanFrames(file);
    expect(scan.unsupported).toMatchObject([{ unsupported, offsetBytes: FRAMES[0]!.length + 1 }]);
    expect(scan.damage).toEqual([]);
    expect(returned(file, scan)).toEqual([WHOLE[0], WHOLE[2]]);
  });
}

/** The frame with its header changed and its checksum right again, as another writer would have written it. */
function resigned(frame: Uint8Array, from: string, to: string): Buffer {
  const [covered = "", trailer = ""] = Buffer.from(frame)
    .toString()
    .trimStart()
    .replace(from, to)
    .split(/(?=# End: )/);
  const sum = crc32(covered).toString(16).padStart(8, "0");
  return Buffer.from(`\n${covered}${trailer.replace(/crc32=.*/, `crc32=${sum}`)}`);
}

for (const { from, to, unsupported } of [
  { from: "kind=full", to: "kind=sketch", unsupported: "kind=sketch" },
  { from: "origin=app", to: "origin=otlp", unsupported: "origin=otlp" },
]) {
  test(`a valid frame with ${unsupported} is refused by name and is no damage`, () => {
    const file = Buffer.concat([FRAMES[0]!, resigned(FRAMES[1]!, from, to), FRAMES[2]!]);
    const scan = scanFrames(file);
    expect(scan.unsupported).toMatchObject([{ unsupported }]);
    expect(scan.damage).toEqual([]);
    expect(returned(file, scan)).toEqual([WHOLE[0], WHOLE[2]]);
  });
}

for (const { name, from, to, reason } of [
  { name: "whose header is incomplete", from: " consent=config", to: "", reason: "header" },
  { name: "whose base is missing", from: "kind=full", to: "kind=changes", reason: "header" },
  { name: "whose base is itself", from: "consent=config", to: "consent=config base=1", reason: "header" },
  {
    name: "whose trailer is another frame's",
    from: "# End: session=3f9c2a17 seq=1",
    to: "# End: session=3f9c2a17 seq=7",
    reason: "trailer",
  },
  { name: "whose sample count is another", from: "samples=2", to: "samples=3", reason: "checksum" },
  { name: "whose info is no JSON", from: '"app":"k1"', to: '"app":k1', reason: "session-info" },
  { name: "whose info lacks the start", from: "startedMs", to: "started", reason: "session-info" },
]) {
  test(`a frame ${name} is damage in spite of its checksum`, () => {
    const file = Buffer.concat([FRAMES[0]!, resigned(FRAMES[1]!, from, to), FRAMES[2]!]);
    expect(scanFrames(file)).toMatchObject({ damage: [{ reason }], unsupported: [] });
  });
}

test("lines of extensions and comments inside a frame are no samples", () => {
  const file = resigned(FRAMES[1]!, 'k1_views_total{screen="s1"}', '#~ note\nk1_views_total{screen="s1"}');
  const scan = scanFrames(file);
  expect(scan.frames).toMatchObject([{ sampleCount: 2 }]);
  expect(decodeFrame(file)).toEqual(decodeFrame(FRAMES[1]!));
});

test("bytes between frames that are no frame are damage", () => {
  const file = Buffer.concat([FRAMES[0]!, Buffer.from("\0\0\0k1 1 2\n\n"), FRAMES[1]!, Buffer.from("\n\n")]);
  const scan = scanFrames(file);
  expect(scan.damage).toEqual([{ offsetBytes: FRAMES[0]!.length, lengthBytes: 12, reason: "stray" }]);
  expect(returned(file, scan)).toEqual(WHOLE.slice(0, 2));
});
