import { openJournal } from "@promferry/core/journal";
import { type RepairReport, repairJournal } from "@promferry/uploader";
import { formatByteSize } from "../config/byte-size.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Verification, verifyJournal } from "../journal/verify-journal.ts";
import type { Output } from "../output.ts";

interface JournalVerifyOptions {
  readonly repair?: boolean;
  readonly wait?: boolean;
}

/** How long `--wait` waits for an upload. */
const WAIT_MS = 600_000;

/** Exit 1 where something is damaged or can't be read; with `--repair`, where something still is afterwards. */
export async function journalVerify(
  context: Context,
  { repair = false, wait = false }: JournalVerifyOptions,
): Promise<ExitCode> {
  const { io, out } = context;
  const { dir } = await context.settings();
  const open = () => openJournal(dir, { now: io.now });
  let found = await verifyJournal(open(), io.signal);
  let report: RepairReport | undefined;
  if (repair && !found.clean) {
    for (const line of problemsOf(found)) out.line(line);
    const waitMs = wait ? WAIT_MS : 0;
    report = await repairJournal({ journal: open(), now: io.now, signal: io.signal, waitMs });
    printRepair(out, report);
    found = await verifyJournal(open(), io.signal);
  }
  const exitCode = found.clean ? EXIT.ok : EXIT.findings;
  out.json({ dir, ...found, ...(report && { repair: report }), exitCode });
  print(out, dir, found);
  return exitCode;
}

function print(out: Output, dir: string, found: Verification): void {
  const { style } = out;
  const { bytes, days, frames, samples, files, sessions } = found;
  out.line(style.bold(dir));
  out.line(
    `${count(days, "day")}, ${count(frames, "frame")} of ${count(sessions.length, "session")}, ${count(samples, "sample")}, ${formatByteSize(bytes)}`,
  );
  for (const { name, closed, compressed, frames: own, bytes: size, pendingBytes, error } of files) {
    const state = `${closed ? "closed" : "open"}${compressed ? ", compressed" : ""}`;
    const pending = pendingBytes === undefined ? "" : `, ${count(pendingBytes, "byte")} under way at its end`;
    if (error === undefined)
      out.line(`${name}  ${state}, ${count(own, "frame")}, ${formatByteSize(size)}${pending}`);
  }
  for (const { session, gaps, ended, firstSeq, lastSeq, app } of sessions) {
    if (gaps.length === 0) continue;
    const missing = gaps.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(", ");
    const of = `session ${session}${app === undefined ? "" : ` of ${app}`}, frames ${firstSeq} to ${lastSeq}${ended ? "" : ", not ended"}`;
    out.line(style.yellow(`missing: ${missing} of ${of}`));
  }
  for (const line of problemsOf(found)) out.line(style.red(line));
  for (const { file, offsetBytes, unsupported } of found.unsupported) {
    out.line(
      style.yellow(
        `not understood: ${file} at byte ${offsetBytes} (${unsupported}); a newer promferry reads it`,
      ),
    );
  }
  for (const { file, session, seq, written } of found.held) {
    out.line(
      style.yellow(
        `held: frame ${seq} of session ${session} in ${file}, dated ${written}: a clock was wrong; never sent`,
      ),
    );
  }
  if (found.clean) out.line(style.green("no damage"));
}

function problemsOf({ files, damage, unreadable }: Verification): string[] {
  return [
    ...files.flatMap(({ error }) => (error === undefined ? [] : [`unreadable: ${error}`])),
    ...damage.map(({ file, offset, length, reason, session, seq, outcome }) => {
      const frame = session === undefined ? "" : `, frame ${seq} of session ${session}`;
      return `damaged: ${file} at byte ${offset}, ${count(length, "byte")} (${reason})${frame}; ${outcome}`;
    }),
    ...unreadable.map(({ message }) => `unreadable: ${message}`),
  ];
}

function printRepair(out: Output, { repaired, left }: RepairReport): void {
  for (const { file, name, damage } of repaired) {
    const now = name === undefined ? "nothing was left of it" : name === file ? "" : `now ${name}`;
    const rest = now === "" ? "" : `; ${now}`;
    out.line(`repaired: ${file}, ${count(damage.length, "place")} to quarantine/${rest}`);
  }
  for (const { file, reason } of left) out.line(`left: ${file}: ${reason}`);
  out.line();
}
