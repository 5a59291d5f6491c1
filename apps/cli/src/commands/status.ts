import { type FrameRef, type JournalIndex, nodeJournalFs, openJournal } from "@promferry/core/journal";
import { type Consent, consentInWords, resolveConsent } from "@promferry/privacy";
import { type Ledger, readLedger } from "@promferry/uploader";
import { formatByteSize } from "../config/byte-size.ts";
import type { Settings } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Output } from "../output.ts";
import { createMayLeave } from "../upload/may-leave.ts";

/** What is in the journal, what each destination has of it, and whether collection is on. */
export async function status(context: Context): Promise<ExitCode> {
  const { io, out } = context;
  const settings = await context.settings();
  const { app, dir, metrics, file, found } = settings;
  const { enabled } = metrics;
  const consent = resolveConsent({ app, env: io.env, config: enabled === undefined ? {} : { enabled } });
  const index = await openJournal(dir, { now: io.now }).index();
  const ledger = await readLedger(dir, nodeJournalFs);
  const facts: Facts = {
    app,
    dir,
    config: { file, found },
    collection: consent,
    identity: metrics.anonymize_user ? (metrics.identity ?? "installation") : "none",
    files: describeFiles(index, ledger),
    destinations: describeDestinations(settings, index, ledger, io.env),
    heldFrames: index.held.length,
    damage: index.damage.filter(({ recovered }) => !recovered),
    unsupported: index.unsupported,
  };
  out.json(facts);
  print(out, facts);
  return EXIT.ok;
}

interface Facts {
  readonly app: string;
  readonly dir: string;
  readonly config: { readonly file: string; readonly found: boolean };
  readonly collection: Consent;
  readonly identity: string;
  readonly files: readonly FileFacts[];
  readonly destinations: readonly DestinationFacts[];
  readonly heldFrames: number;
  readonly damage: JournalIndex["damage"];
  readonly unsupported: JournalIndex["unsupported"];
}

interface FileFacts {
  readonly name: string;
  readonly bytes: number;
  readonly frames: number;
  readonly sessions: number;
  readonly samples: number;
  readonly closed: boolean;
  readonly error?: string;
  /** By destination. */
  readonly uploads: Readonly<Record<string, string>>;
}

interface DestinationFacts {
  readonly name: string;
  /** Whether the configuration still has it. */
  readonly configured: boolean;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Frames that were deleted before it had them. */
  readonly lostFrames: number;
  /** Time of the newest accepted sample. */
  readonly newest: string | undefined;
  /** Frames that it does not have and that may leave. */
  readonly waitingFrames: number;
}

function describeFiles(index: JournalIndex, ledger: Ledger): FileFacts[] {
  const byFile = new Map(index.files.map(({ name }) => [name, [] as FrameRef[]]));
  for (const frame of index.frames) byFile.get(frame.file)?.push(frame);
  return index.files.map(({ name, sizeBytes, frameCount, closed, error }) => {
    const frames = byFile.get(name) ?? [];
    const uploads = [...(ledger.files.get(name) ?? [])].map(([destination, record]) => [
      destination,
      record.status,
    ]);
    return {
      name,
      bytes: sizeBytes,
      frames: frameCount,
      sessions: new Set(frames.map(({ header }) => header.session)).size,
      samples: frames.reduce((sum, { sampleCount }) => sum + sampleCount, 0),
      closed,
      ...(error ? { error: error.message } : {}),
      uploads: Object.fromEntries(uploads),
    };
  });
}

function describeDestinations(
  settings: Settings,
  index: JournalIndex,
  ledger: Ledger,
  env: Context["io"]["env"],
): DestinationFacts[] {
  const configured = settings.metrics.destinations.map(({ name }) => name);
  const mayLeave = createMayLeave(settings, env);
  const leaving = index.frames.filter((frame) => mayLeave(frame) === true);
  return [...new Set([...configured, ...ledger.destinations.keys()])].map((name) => {
    const record = ledger.destinations.get(name);
    const hasFrame = (session: string, seq: number) => seq <= (record?.cursor.get(session) ?? -1);
    return {
      name,
      configured: configured.includes(name),
      accepted: record?.accepted ?? 0,
      refused: record?.refused ?? 0,
      unknown: record?.unknown ?? 0,
      lostFrames: record?.lostFrames ?? 0,
      newest: record?.newestMs === undefined ? undefined : new Date(record.newestMs).toISOString(),
      waitingFrames: leaving.filter(({ header }) => !hasFrame(header.session, header.seq)).length,
    };
  });
}

function print({ line, style }: Output, facts: Facts): void {
  const row = (name: string, value: string) => line(`${style.dim(name.padEnd(14))}${value}`);
  row("journal", facts.dir);
  row(
    "configuration",
    facts.config.found ? facts.config.file : `${facts.config.file} (not there; defaults apply)`,
  );
  row("collection", consentInWords(facts.collection));
  row("identity", facts.identity);
  line();
  if (facts.files.length === 0) line("The journal is empty. `promferry demo` shows how it fills.");
  for (const { name, bytes, frames, sessions, samples, closed, error, uploads } of facts.files) {
    const state = closed ? "closed" : "open";
    const content = `${count(frames, "frame")} of ${count(sessions, "session")}, ${count(samples, "sample")}, ${formatByteSize(bytes)}`;
    line(`${style.bold(name)}  ${state}, ${error ? style.red(error) : content}`);
    for (const [destination, record] of Object.entries(uploads)) line(`  ${destination}: ${record}`);
  }
  if (facts.destinations.length > 0) line();
  for (const {
    name,
    configured,
    accepted,
    refused,
    unknown,
    lostFrames,
    newest,
    waitingFrames,
  } of facts.destinations) {
    const counts = [`${count(accepted, "sample")} accepted`];
    if (refused > 0) counts.push(`${refused} refused`);
    if (unknown > 0) counts.push(`${unknown} unknown`);
    if (lostFrames > 0) counts.push(`${count(lostFrames, "frame")} deleted unsent`);
    counts.push(`${count(waitingFrames, "frame")} waiting`);
    if (newest) counts.push(`newest ${newest}`);
    line(`${style.bold(name)}  ${counts.join(", ")}${configured ? "" : " (no longer configured)"}`);
  }
  for (const { file, offsetBytes, lengthBytes, reason } of facts.damage) {
    line(style.yellow(`damaged: ${file} at byte ${offsetBytes}, ${lengthBytes} bytes (${reason}); left out`));
  }
  for (const { file, offsetBytes, unsupported } of facts.unsupported) {
    line(
      style.yellow(
        `not understood: ${file} at byte ${offsetBytes} (${unsupported}); a newer promferry reads it`,
      ),
    );
  }
  if (facts.heldFrames > 0) {
    line(
      style.yellow(`${facts.heldFrames} frames have impossible times and are never sent: a clock was wrong`),
    );
  }
}
