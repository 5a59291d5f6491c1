import { type JournalIndex, LOW_DISK_BYTES, nodeJournalFs, openJournal } from "@promferry/core/journal";
import { readLedger } from "@promferry/uploader";
import { formatByteSize } from "../config/byte-size.ts";
import { identityKind } from "../config/identity-kind.ts";
import { catalogueAtHand } from "../consent/catalogue-at-hand.ts";
import { consentOf } from "../consent/consent-of.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Output } from "../output.ts";
import { type ConsentFacts, describeConsent, printConsent } from "../status/consent.ts";
import { type DestinationFacts, describeDestinations } from "../status/destinations.ts";
import { type DiskFacts, describeDisk } from "../status/disk.ts";
import { type DayFacts, describeDays, describeFiles, type FileFacts } from "../status/files.ts";
import { type DeletionFacts, describeRetention, type RetentionFacts } from "../status/retention.ts";
import { describeSampling, type SamplingFacts, samplingInWords } from "../status/sampling.ts";
import { createMayLeave } from "../upload/may-leave.ts";
import { samplingOf } from "../upload/sampling.ts";

interface StatusOptions {
  readonly enableMetricsCollection?: boolean;
}

/** What is in the journal, what each destination has of it, and whether collection is on. */
export async function status(
  context: Context,
  { enableMetricsCollection: flag = false }: StatusOptions = {},
): Promise<ExitCode> {
  const { io, out } = context;
  const settings = await context.settings();
  const { app, dir, metrics, file, found } = settings;
  const consent = consentOf(context, settings, flag);
  const sampling = await samplingOf(settings, false);
  const mayLeave = createMayLeave({ settings, env: io.env, flag, sampling, now: io.now });
  const index = await openJournal(dir, { now: io.now }).index();
  const ledger = await readLedger(dir, nodeJournalFs);
  const facts: Facts = {
    app,
    dir,
    config: { file, found },
    collection: describeConsent(consent, await catalogueAtHand(context, settings, { index })),
    identity: identityKind(metrics),
    ...describeSampling(sampling, io.now()),
    days: describeDays(index),
    files: describeFiles(index, ledger),
    destinations: describeDestinations(settings, index, ledger, mayLeave),
    disk: await describeDisk(dir, nodeJournalFs),
    retention: await describeRetention(context, settings, { index, ledger, mayLeave }),
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
  readonly collection: ConsentFacts;
  readonly identity: string;
  readonly sampling?: SamplingFacts;
  readonly days: readonly DayFacts[];
  readonly files: readonly FileFacts[];
  readonly disk: DiskFacts;
  readonly retention: RetentionFacts;
  readonly destinations: readonly DestinationFacts[];
  readonly heldFrames: number;
  readonly damage: JournalIndex["damage"];
  readonly unsupported: JournalIndex["unsupported"];
}

function print(out: Output, facts: Facts): void {
  const { line, style } = out;
  const row = (name: string, value: string) => line(`${style.dim(name.padEnd(14))}${value}`);
  row("journal", facts.dir);
  row(
    "configuration",
    facts.config.found ? facts.config.file : `${facts.config.file} (not there; defaults apply)`,
  );
  printConsent(out, facts.collection);
  row("identity", facts.identity);
  if (facts.sampling) row("sampling", samplingInWords(facts.sampling));
  const { bytes, maxBytes } = facts.retention;
  row(
    "size",
    `${count(facts.days.length, "day")}, ${formatByteSize(bytes)} of ${formatByteSize(maxBytes)} (max_bytes)`,
  );
  if (facts.disk.freeBytes !== undefined) {
    const free = `${formatByteSize(facts.disk.freeBytes)} free`;
    const low = `${free}: less than ${formatByteSize(LOW_DISK_BYTES)}; when the disk is full, nothing more is kept`;
    row("disk", facts.disk.low ? style.yellow(low) : free);
  }
  line();
  if (facts.files.length === 0) line("The journal is empty. `promferry demo` shows how it fills.");
  for (const { name, bytes, frames, sessions, samples, closed, compressed, error, uploads } of facts.files) {
    const state = `${closed ? "closed" : "open"}${compressed ? ", compressed" : ""}`;
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
    lacks,
  } of facts.destinations) {
    const counts = [`${count(accepted, "sample")} accepted`];
    if (refused > 0) counts.push(`${refused} refused`);
    if (unknown > 0) counts.push(`${unknown} unknown`);
    if (lostFrames > 0) counts.push(`${count(lostFrames, "frame")} deleted unsent`);
    counts.push(`${count(waitingFrames, "frame")} waiting`);
    if (newest) counts.push(`newest ${newest}`);
    line(`${style.bold(name)}  ${counts.join(", ")}${configured ? "" : " (no longer configured)"}`);
    if (!configured) continue;
    for (const { day, frames } of lacks.slice(0, MOST_DAYS))
      line(`  lacks ${count(frames, "frame")} of ${day}`);
    if (lacks.length > MOST_DAYS) line(`  and frames of ${count(lacks.length - MOST_DAYS, "later day")}`);
  }
  printRetention(facts.retention);
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

  function printRetention({ oldestAtRisk, nextDeletion, unknown }: RetentionFacts): void {
    if (facts.files.length === 0) return;
    line();
    if (unknown !== undefined) {
      row("next to go", `nothing, as long as ${unknown.split("\n")[0]}`);
      return;
    }
    if (oldestAtRisk) {
      const { day, lacking, deletion } = oldestAtRisk;
      const who = lacking.map(({ destination, frames }) => `${destination} lacks ${count(frames, "frame")}`);
      const when = deletion
        ? style.yellow(`deleted all the same ${whenOf(deletion)}, ${WHY[deletion.cause]}`)
        : "stays until they have it, unless the journal grows above max_bytes";
      row("at risk", `${day}, the oldest day that is not everywhere: ${who.join(", ")}; ${when}`);
    }
    row(
      "next to go",
      nextDeletion === undefined
        ? "nothing, as things stand"
        : `${nextDeletion.day}, ${whenOf(nextDeletion)}, ${WHY[nextDeletion.cause]}`,
    );
  }
}

/** Days that a destination lacks frames of, before they are only counted. */
const MOST_DAYS = 10;

const WHY: Readonly<Record<DeletionFacts["cause"], string>> = {
  settled: "since every destination has it",
  age: "for it is older than retention_days",
  size: "for the journal is above max_bytes",
};

function whenOf({ from, due }: DeletionFacts): string {
  return due ? "with the next upload" : `with the first upload after ${from}`;
}
