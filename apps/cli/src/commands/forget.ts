import { openJournal } from "@promferry/core/journal";
import { type ForgetReceipt, forget } from "@promferry/uploader";
import { formatByteSize } from "../config/byte-size.ts";
import type { Settings } from "../config/load-config.ts";
import { askYes } from "../consent/ask.ts";
import { consentOf } from "../consent/consent-of.ts";
import { forgetRemote, type RemoteOutcome } from "../consent/forget-remote.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

interface ForgetOptions {
  readonly yes?: boolean;
  readonly wait?: boolean;
}

/** How long `--wait` waits for an upload. */
const WAIT_MS = 600_000;

/** Erases what was recorded, and says what was, what stays, and where. */
export async function forgetAll(
  context: Context,
  { yes = false, wait = false }: ForgetOptions,
): Promise<ExitCode> {
  const { io, out } = context;
  const settings = await context.settings();
  const { dir } = settings;
  const journal = openJournal(dir, { now: io.now });
  if (!yes) {
    await tellWhat(context, settings);
    if (!(await askYes(context, "Erase all of it?"))) {
      out.line("Nothing was erased.");
      return EXIT.ok;
    }
  }
  let remote: readonly RemoteOutcome[] = [];
  const receipt = await forget({
    journal,
    by: `the command forget, ${yes ? "with --yes" : "by a person at a terminal"}`,
    now: io.now,
    signal: io.signal,
    waitMs: wait ? WAIT_MS : 0,
    async deleteRemote() {
      remote = await forgetRemote(context, settings);
    },
  });
  const exitCode = codeOf(receipt, remote);
  const { state, reasons } = consentOf(context, settings);
  out.json({
    at: new Date(io.now()).toISOString(),
    ...receipt,
    remote,
    collection: { state, reasons },
    exitCode,
  });
  printReceipt(context, receipt, remote);
  if (state !== "off") {
    out.line(
      out.style.yellow(
        `Collection goes on: it is ${state} because ${reasons.join(", ")}. \`promferry disable\` ends it.`,
      ),
    );
  }
  return exitCode;
}

function codeOf({ left }: ForgetReceipt, remote: readonly RemoteOutcome[]): ExitCode {
  if (left.length > 0) return EXIT.io;
  return remote.some(({ groups }) => groups.some(({ deleted }) => !deleted)) ? EXIT.partial : EXIT.ok;
}

async function tellWhat({ io, out }: Context, { dir }: Settings): Promise<void> {
  const { files, frames } = await openJournal(dir, { now: io.now }).index();
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sessions = new Set(frames.map(({ header }) => header.session)).size;
  out.line(
    `${dir} holds ${count(frames.length, "frame")} of ${count(sessions, "session")}, ${formatByteSize(bytes)}.`,
  );
  out.line(
    "They go, with what is known of uploads, refused and damaged data, your identity and your consent; so do",
  );
  out.line("your groups at Pushgateways. What other destinations have can't be deleted from here.");
}

function printReceipt({ out, io }: Context, receipt: ForgetReceipt, remote: readonly RemoteOutcome[]): void {
  const { dir, erased, frames, sessions, days, left, foreign, keptRefusal } = receipt;
  const bytes = erased.reduce((sum, file) => sum + file.bytes, 0);
  out.line(out.style.bold(`Receipt, ${new Date(io.now()).toISOString()}`));
  out.line(dir);
  if (erased.length === 0) out.line("  nothing of ours was there");
  else {
    const of =
      days.length === 0
        ? ""
        : `: ${count(frames, "frame")} of ${count(sessions, "session")}, ${days[0]} to ${days.at(-1)}`;
    out.line(`  erased ${count(erased.length, "file")}, ${formatByteSize(bytes)}${of}`);
    if (erased.some(({ kind }) => kind === "identity"))
      out.line("  erased the identity: what is sent from now on comes from somebody else");
    if (erased.some(({ kind }) => kind === "consent")) out.line("  erased the consent");
  }
  if (keptRefusal) out.line("  kept your no (consent.json), so that nothing begins by itself");
  for (const { file, reason } of left) out.line(out.style.red(`  could not erase ${file}: ${reason}`));
  if (left.length > 0)
    out.line("  until they are gone nothing is recorded or sent; run `promferry forget` again");
  if (foreign.length > 0)
    out.line(
      `  left alone, for it isn't ours: ${foreign.slice(0, 10).join(", ")}${foreign.length > 10 ? ", …" : ""}`,
    );
  for (const { destination, accepted, groups, stays } of remote) {
    out.line(`${out.style.bold(destination)}  ${count(accepted, "sample")} accepted`);
    for (const { url, deleted } of groups) if (deleted) out.line(`  deleted the group ${url}`);
    for (const line of stays?.split("\n") ?? []) out.line(out.style.yellow(`  ${line}`));
  }
}
