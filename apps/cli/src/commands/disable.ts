import { consentInWords, disabledRecord, writeConsent } from "@promferry/privacy";
import { consentOf } from "../consent/consent-of.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

/** A no, at once and without a question. Running programs notice it with their next frame. */
export async function disable(context: Context): Promise<ExitCode> {
  const { io, out } = context;
  const settings = await context.settings();
  const { dir } = settings;
  const { stored: before } = consentOf(context, settings);
  await writeConsent(dir, disabledRecord({ nowMs: io.now(), by: "the command disable", before }));
  const { state, reasons, sources } = consentOf(context, settings);
  out.json({ dir, state, reasons, sources, exitCode: EXIT.ok });
  out.line(`Collection is ${consentInWords({ state, reasons })}.`);
  out.line(
    "Programs that run now stop with their next frame. What was recorded and not sent stays here, unsent;",
  );
  out.line("`promferry forget` erases it. What `collect` and `agent` scrape is your own act and goes on.");
  return EXIT.ok;
}
