import { consentInWords, disabledRecord, writeConsent } from "@promferry/privacy";
import { consentOf } from "../consent/consent-of.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

/** A no, at once and without a question. Running programs notice it with their next frame. */
export async function disable(context: Context): Promise<ExitCode> {
  const { io, out } = context;
  const settings = await context.settings();
  const { dir } = settings;
  const before = consentOf(context, settings);
  const isForgetting = before.stored.kind === "decided" && before.stored.record.choice === "forgetting";
  // A forget that was begun is a no already, and must be known to the next one.
  const record = isForgetting
    ? { ...before.stored.record, refused: true }
    : disabledRecord({ nowMs: io.now(), by: "the command disable" });
  await writeConsent(dir, record);
  const { state, reasons, sources } = consentOf(context, settings);
  out.json({ dir, state, reasons, sources, exitCode: EXIT.ok });
  out.line(`Collection is ${consentInWords({ state, reasons })}.`);
  out.line(
    "Programs that run now stop with their next frame. What was recorded and not sent stays here, unsent;",
  );
  out.line("`promferry forget` erases it. What `collect` and `agent` scrape is your own act and goes on.");
  return EXIT.ok;
}
