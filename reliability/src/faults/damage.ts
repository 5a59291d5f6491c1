import { createJournalWriter, type FrameHeader, type Journal, openJournal } from "@promferry/core/journal";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { readFrames } from "../frame-reader.ts";
import { createRandom, type Random } from "../random.ts";
import { compressClosedDays } from "../simulation/compress-closed-days.ts";
import { createProgram, textOf } from "../simulation/program.ts";
import { createScrapedPage, saidOf } from "../simulation/scraped-page.ts";
import { createVolatileFs, type VolatileFs } from "../simulation/volatile-fs.ts";

const DIR = "/journal";
const BEGIN_MS = Date.UTC(2031, 2, 5, 6);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const FILE_BYTES = 50_000;
const PAGE_FILE_BYTES = 20_000;
/** One in so many frames that can't have changed is read. */
const SEEN_AGAIN = 7;
const TYPES: Readonly<Record<string, string>> = {
  app_events_total: "counter",
  app_seconds: "histogram",
  app_level: "gauge",
  page_hits_total: "counter",
  page_seconds: "histogram",
};

export const damage: Fault = {
  name: "damage",
  title:
    "a 50 kB day file cut at every byte, and every byte flipped once; one of 20 kB with native histograms, exemplars, starts and stale markers; both compressed",
  unit: "% of the bytes",
  amounts: { long: 100, short: 2, mutant: 2 },
  holds: "at most one frame lost a flip, each loss reported, no sample changed",
  run,
};

/** One file, whole, and what its writers put into it. */
interface Specimen {
  readonly name: string;
  readonly bytes: Buffer;
  readonly written: ReadonlyMap<string, WrittenFrame>;
  /** For the counts. */
  readonly form: string;
}

interface WrittenFrame {
  readonly header: FrameHeader;
  /** What is said of each sample, as `saidOf` has it. */
  readonly state: ReadonlyMap<string, string>;
}

async function run(context: FaultContext): Promise<void> {
  const step = Math.max(1, Math.round(100 / context.amount));
  for (const specimen of await createSpecimens(context.seed)) {
    const { bytes, form } = specimen;
    context.count(`bytes ${form}`, bytes.length);
    const random = createRandom(context.seed, "damage", form);
    const offsets = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => i * step);
    const amount = offsets.length;
    await eachCase({ ...context, amount, first: 0 }, async (index) => {
      const at = Math.min(bytes.length - 1, offsets[index]! + random.between(0, step - 1));
      await flip(specimen, at, random, context);
    });
    await eachCase({ ...context, amount, first: 0 }, async (index) => {
      await cut(
        specimen,
        Math.min(bytes.length, offsets[index]! + random.between(0, step - 1)),
        random,
        context,
      );
    });
  }
}

async function flip({ name, bytes, written }: Specimen, at: number, random: Random, context: FaultContext) {
  const damaged = Buffer.from(bytes);
  damaged[at]! ^= random.between(1, 255);
  const what = `${name} with byte ${at} flipped from ${bytes[at]} to ${damaged[at]}`;
  const { fs, journal } = hold(name, damaged, random);
  const { lost, reports } = await compare(journal, written, { at, what });
  if (!name.endsWith(".gz")) compareWithReader(fs, written, lost, what);
  demand(lost.length <= 1, `${what}: ${lost.length} frames are lost (${lost.join(", ")})`);
  demand(lost.length === 0 || reports > 0, `${what}: frame ${lost[0]} is lost without a word`);
  context.count("flips");
  context.count("frames lost to a flip", lost.length);
}

async function cut({ name, bytes, written }: Specimen, at: number, random: Random, context: FaultContext) {
  const what = `${name} cut at byte ${at}`;
  const { fs, journal } = hold(name, bytes.subarray(0, at), random);
  const { lost } = await compare(journal, written, { at, what });
  context.count("cuts");
  if (name.endsWith(".gz")) return;
  compareWithReader(fs, written, lost, what);
  // Whoever comes next writes behind the torn end.
  const writer = writerOf(fs, "ffffffff", BEGIN_MS + 10 * 60 * MINUTE_MS);
  const program = createProgram(random);
  program.work();
  const { session, seq, writtenMs } = await writer.write({ kind: "full", families: program.families() });
  const header = { session, seq, writtenMs, exit: false } as FrameHeader;
  const more = new Map(written).set(`${session} ${seq}`, { header, state: saidStates(program.state()) });
  const after = await compare(journal, more, { at, what: `${what}, written on` });
  // The line feed before it may be just what the end of the frame before lacked.
  const isFound = after.lost.every((key) => lost.includes(key));
  demand(isFound, `${what}: the frame written behind it is lost`);
}

function hold(name: string, bytes: Uint8Array, random: Random): { fs: VolatileFs; journal: Journal } {
  const fs = createVolatileFs(() => BEGIN_MS);
  fs.put(`${DIR}/${name}`, bytes);
  // On the day itself, and when the file is closed.
  const nowMs = BEGIN_MS + (random.chance(0.5) ? 0.7 : 3) * DAY_MS;
  return { fs, journal: openJournal(DIR, { fs, now: () => nowMs }) };
}

/** Compares what the product says about the file, damaged at one byte, with what was written. */
async function compare(
  journal: Journal,
  written: ReadonlyMap<string, WrittenFrame>,
  { at, what }: { readonly at: number; readonly what: string },
): Promise<{ lost: string[]; reports: number }> {
  const { frames, held, damage: found, unsupported, files } = await journal.index();
  const lost = new Set(written.keys());
  for (const ref of [...frames, ...held]) {
    const { session, seq, base, exit, writtenMs } = ref.header;
    const key = `${session} ${seq}`;
    const original = written.get(key);
    demand(original !== undefined, `${what}: frame ${key} was never written`);
    lost.delete(key);
    const isSame = exit === original.header.exit && writtenMs === original.header.writtenMs;
    demand(isSame, `${what}: the header of frame ${key} has changed`);
    demand(ref.info.app === "app", `${what}: the info of ${key} has changed`);
    // What is as it was before reads as it did before; now and then it is read all the same.
    const holdsDamage = ref.offsetBytes <= at + 1 && at <= ref.offsetBytes + ref.lengthBytes;
    if (!holdsDamage && !isAfterGap(ref) && (seq + at) % SEEN_AGAIN !== 0) continue;
    let shown = 0;
    for (const family of (await journal.read(ref)).families) {
      demand(family.type === TYPES[family.name], `${what}: ${key}: ${family.name} is a ${family.type}`);
      for (const [row, series] of family.series.entries()) {
        const text = textOf(series);
        const said = saidOf(family, row);
        const isRight = said === original.state.get(text) && family.timestampsMs[row] === writtenMs;
        demand(isRight, `${what}: ${key}: ${text} is ${said}, written was ${original.state.get(text)}`);
        shown++;
      }
    }
    const isWhole = base === undefined || ref.base !== undefined;
    const mayMiss = !isWhole || original.header.kind === "start" || isAfterGap(ref);
    demand(mayMiss || shown === original.state.size, `${what}: samples of frame ${key} are missing`);
  }
  const pending = files.filter((file) => file.pending !== undefined || file.error !== undefined);
  return { lost: [...lost], reports: found.length + unsupported.length + pending.length };
}

/** Whether a frame is missing somewhere among those that it builds on. */
function isAfterGap(ref: { header: FrameHeader; base?: unknown }): boolean {
  let at = ref as { header: FrameHeader; base?: unknown };
  while (at.base !== undefined) at = at.base as typeof at;
  return at.header.base !== undefined;
}

function compareWithReader(
  fs: VolatileFs,
  written: ReadonlyMap<string, unknown>,
  lost: readonly string[],
  what: string,
) {
  const found = new Set(readFrames(fs.files(DIR)).map(({ session, seq }) => `${session} ${seq}`));
  const missing = [...written.keys()].filter((key) => !found.has(key));
  const isSame = missing.length === lost.length && missing.every((key) => lost.includes(key));
  demand(
    isSame,
    `${what}: ${lost.join(", ") || "no frame"} lost, though ${missing.join(", ") || "none"} is damaged`,
  );
}

function writerOf(
  fs: VolatileFs,
  session: string,
  startMs: number,
  {
    nowMs = () => startMs,
    origin = "app",
  }: { readonly nowMs?: () => number; readonly origin?: "app" | "scrape" } = {},
) {
  return createJournalWriter({
    dir: DIR,
    session,
    origin,
    consent: origin === "app" ? "config" : "user",
    info: { app: "app", intervalMs: 5 * MINUTE_MS },
    dayBoundary: "utc",
    fs,
    now: nowMs,
    monotonicMs: nowMs,
    platform: "linux",
  });
}

async function createSpecimens(seed: string): Promise<Specimen[]> {
  const random = createRandom(seed, "damage specimen");
  let nowMs = BEGIN_MS;
  const fs = createVolatileFs(() => BEGIN_MS);
  const written = new Map<string, WrittenFrame>();
  const sessions = ["aaaaaaaa", "bbbbbbbb"].map((session) => ({
    writer: writerOf(fs, session, BEGIN_MS, { nowMs: () => nowMs }),
    program: createProgram(random, { kinds: 20 }),
  }));
  const sizeNow = () => [...fs.files(DIR).values()].reduce((sum, { length }) => sum + length, 0);
  const write = async (
    { writer, program }: (typeof sessions)[number],
    kind: "start" | "full",
    exit: boolean,
  ) => {
    if (kind === "full") program.work();
    const families = kind === "full" ? program.families() : [];
    const { session, seq, writtenMs } = await writer.write({ kind, families, exit });
    const state = kind === "full" ? saidStates(program.state()) : new Map<string, string>();
    const header = { session, seq, writtenMs, kind, exit } as FrameHeader;
    written.set(`${session} ${seq}`, { header, state });
    nowMs += random.between(1, 90_000);
  };
  for (const session of sessions) await write(session, "start", false);
  while (sizeNow() < FILE_BYTES) await write(random.pick(sessions), "full", false);
  for (const session of sessions) await write(session, "full", true);

  return [...(await bothForms(fs, written, "")), ...(await createPageSpecimens(random))];
}

/** A day of one scraped page. */
async function createPageSpecimens(random: Random): Promise<Specimen[]> {
  let nowMs = BEGIN_MS;
  const fs = createVolatileFs(() => BEGIN_MS);
  const written = new Map<string, WrittenFrame>();
  const writer = writerOf(fs, "cccccccc", BEGIN_MS, { nowMs: () => nowMs, origin: "scrape" });
  const page = createScrapedPage(random);
  while ([...fs.files(DIR).values()].reduce((sum, { length }) => sum + length, 0) < PAGE_FILE_BYTES) {
    page.scrape();
    const { session, seq, writtenMs } = await writer.write({ kind: "full", families: page.families() });
    const header = { session, seq, writtenMs, kind: "full", exit: false } as FrameHeader;
    written.set(`${session} ${seq}`, { header, state: page.state() });
    nowMs += random.between(1, 90_000);
  }
  return bothForms(fs, written, " of a scraped page");
}

async function bothForms(
  fs: VolatileFs,
  written: ReadonlyMap<string, WrittenFrame>,
  what: string,
): Promise<Specimen[]> {
  const files = (form: string) =>
    [...fs.files(DIR)].map(([name, bytes]) => ({
      name,
      bytes: Buffer.from(bytes),
      written,
      form: `${form}${what}`,
    }));
  const plain = files("plain");
  demand(plain.length === 1, "the specimen is one file");
  await compressClosedDays(openJournal(DIR, { fs, now: () => BEGIN_MS + 3 * DAY_MS }));
  const packed = files("compressed");
  demand(packed[0]?.name.endsWith(".gz") === true, "the specimen is compressed");
  return [...plain, ...packed];
}

/** A program's samples say their value and nothing else. */
function saidStates(state: ReadonlyMap<string, number>): Map<string, string> {
  return new Map([...state].map(([text, value]) => [text, JSON.stringify([value, null, null])]));
}
