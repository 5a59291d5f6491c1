import { type FrameRef, isPacked, type Journal, type JournalIndex } from "@promferry/core/journal";

export interface VerifiedFile {
  readonly name: string;
  readonly day: string;
  readonly compressed: boolean;
  readonly closed: boolean;
  readonly bytes: number;
  /** Valid ones, repeated ones among them. */
  readonly frames: number;
  /** Bytes at its end that may still become a frame. */
  readonly pendingBytes?: number;
  /** Why it can't be read. */
  readonly error?: string;
}

export interface VerifiedSession {
  readonly session: string;
  readonly origin: string;
  readonly app?: string;
  readonly version?: string;
  readonly frames: number;
  readonly samples: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly first: string;
  readonly last: string;
  /** Whether its exit frame is there. */
  readonly ended: boolean;
  /** First and last of each run of missing numbers in between. */
  readonly gaps: readonly (readonly [number, number])[];
}

export interface VerifiedDamage {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
  readonly session?: string;
  readonly seq?: number;
  /** `recovered`: the same frame stands whole elsewhere. */
  readonly outcome: "recovered" | "lost";
}

/** A frame whose checksum is right and which can't be read all the same. */
export interface UnreadableFrame {
  readonly file: string;
  readonly offset: number;
  readonly session: string;
  readonly seq: number;
  readonly message: string;
}

export interface Verification {
  readonly bytes: number;
  readonly days: number;
  /** Each session and number once. */
  readonly frames: number;
  readonly samples: number;
  readonly files: readonly VerifiedFile[];
  readonly sessions: readonly VerifiedSession[];
  readonly damage: readonly VerifiedDamage[];
  readonly unreadable: readonly UnreadableFrame[];
  readonly held: readonly HeldFrame[];
  readonly unsupported: JournalIndex["unsupported"];
  /** No damage, every file and every frame can be read. */
  readonly clean: boolean;
}

interface HeldFrame {
  readonly file: string;
  readonly session: string;
  readonly seq: number;
  readonly written: string;
}

/** Reads every frame of a journal and says what is there and what is not. */
export async function verifyJournal(journal: Journal, signal: AbortSignal): Promise<Verification> {
  const index = await journal.index();
  const all = [...index.frames, ...index.held];
  const unreadable: UnreadableFrame[] = [];
  for (const ref of all) {
    signal.throwIfAborted();
    const message = await journal.read(ref).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (message === undefined) continue;
    const { session, seq } = ref.header;
    unreadable.push({ file: ref.file, offset: ref.offsetBytes, session, seq, message });
  }
  const files = index.files.map(({ name, day, closed, sizeBytes, frameCount, pending, error }) => ({
    name,
    day,
    compressed: isPacked(name),
    closed,
    bytes: sizeBytes,
    frames: frameCount,
    ...(pending && { pendingBytes: pending.lengthBytes }),
    ...(error && { error: error.message }),
  }));
  const damage = index.damage.map(({ file, offsetBytes, lengthBytes, reason, session, seq, recovered }) => ({
    file,
    offset: offsetBytes,
    length: lengthBytes,
    reason,
    ...(session !== undefined && { session }),
    ...(seq !== undefined && { seq }),
    outcome: recovered ? ("recovered" as const) : ("lost" as const),
  }));
  return {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    days: new Set(files.map(({ day }) => day)).size,
    frames: all.length,
    samples: samplesOf(all),
    files,
    sessions: sessionsOf(all),
    damage,
    unreadable,
    held: index.held.map(({ file, header }) => ({
      file,
      session: header.session,
      seq: header.seq,
      written: new Date(header.writtenMs).toISOString(),
    })),
    unsupported: index.unsupported,
    clean: damage.length === 0 && unreadable.length === 0 && files.every(({ error }) => error === undefined),
  };
}

function sessionsOf(refs: readonly FrameRef[]): VerifiedSession[] {
  const bySession = new Map<string, FrameRef[]>();
  for (const ref of refs) {
    const known = bySession.get(ref.header.session);
    if (known) known.push(ref);
    else bySession.set(ref.header.session, [ref]);
  }
  return [...bySession].map(([session, own]) => {
    own.sort((a, b) => a.header.seq - b.header.seq);
    const first = own[0]!;
    const last = own.at(-1)!;
    const { app, version } = last.info;
    return {
      session,
      origin: first.header.origin,
      ...(app !== undefined && { app }),
      ...(version !== undefined && { version }),
      frames: own.length,
      samples: samplesOf(own),
      firstSeq: first.header.seq,
      lastSeq: last.header.seq,
      first: new Date(first.header.writtenMs).toISOString(),
      last: new Date(last.header.writtenMs).toISOString(),
      ended: own.some(({ header }) => header.exit),
      gaps: own.slice(1).flatMap(({ header: { seq } }, i) => {
        const before = own[i]!.header.seq;
        return seq > before + 1 ? [[before + 1, seq - 1] as const] : [];
      }),
    };
  });
}

function samplesOf(refs: readonly FrameRef[]): number {
  return refs.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
}
