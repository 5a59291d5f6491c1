import { type Catalogue, catalogueDigest } from "@promferry/core/catalogue";
import { showUnseen } from "@promferry/core/text-format";
import {
  additions,
  type Consent,
  consentInWords,
  enabledRecord,
  type IdentityKind,
  isForgetting,
  writeConsent,
} from "@promferry/privacy";
import { CliError } from "../cli-error.ts";
import { identityKind } from "../config/identity-kind.ts";
import type { Settings } from "../config/load-config.ts";
import { askYes } from "../consent/ask.ts";
import { type CatalogueAtHand, catalogueAtHand, demandCatalogue } from "../consent/catalogue-at-hand.ts";
import { consentOf } from "../consent/consent-of.ts";
import { printCatalogue } from "../consent/print-catalogue.ts";
import { sampleFrame } from "../consent/sample-frame.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

interface EnableOptions {
  readonly yes?: boolean;
  readonly local?: boolean;
  readonly catalog?: string;
}

/** Shows what is collected, asks, and keeps the answer with its date and what was shown. */
export async function enable(context: Context, options: EnableOptions): Promise<ExitCode> {
  const { io, out } = context;
  const { yes = false, local = false } = options;
  const settings = await context.settings();
  const { dir, metrics } = settings;
  const before = consentOf(context, settings);
  if (isForgetting(before.stored)) {
    throw new CliError(EXIT.usage, `\`forget\` was begun in ${dir} and has not finished`, {
      hint: "run `promferry forget` again, and then `promferry enable`",
    });
  }
  const found = demandCatalogue(
    await catalogueAtHand(context, settings, { file: options.catalog }),
    settings,
  );
  const agreedBefore = before.stored.kind === "decided" ? before.stored.record.agreed : undefined;
  show(context, settings, found, agreedBefore);
  tellEffect(context, settings, local);
  if (!yes) {
    const question = local ? "Collect this, and keep it on this machine?" : "Collect this, and send it?";
    if (!(await askYes(context, question))) {
      out.line("Nothing was changed.");
      return EXIT.ok;
    }
  }
  const record = enabledRecord({
    nowMs: io.now(),
    by: `the command enable, ${yes ? "with --yes" : "by a person at a terminal"}`,
    agreed: found.catalogue,
    local,
    before: before.stored,
    ...(metrics.enabled === undefined ? {} : { config: { enabled: metrics.enabled } }),
  });
  await writeConsent(dir, record);
  const consent = consentOf(context, settings);
  const { agreed, sinceMs, decidedAtMs } = record;
  out.json({
    dir,
    ...plain(consent),
    decidedAt: new Date(decidedAtMs).toISOString(),
    ...(sinceMs === undefined ? {} : { since: new Date(sinceMs).toISOString() }),
    ...(agreed && {
      catalogue: { digest: catalogueDigest(agreed), metrics: agreed.metrics.map(({ name }) => name) },
    }),
    exitCode: EXIT.ok,
  });
  out.line(`Agreed, and kept in ${dir}. Collection is ${consentInWords(consent)}.`);
  if (consent.state === "off")
    out.line(out.style.yellow("A no wins: nothing is collected as long as it stands."));
  else out.line("`promferry preview` shows what would leave, `promferry disable` takes the yes back.");
  return EXIT.ok;
}

/** Without what stands in the file. */
export function plain({ state, reasons, sources }: Consent): Pick<Consent, "state" | "reasons" | "sources"> {
  return { state, reasons, sources };
}

/** Lines of the sample; a real frame may have thousands. */
const MOST_LINES = 60;

function show(
  { out, io }: Context,
  { dir, app }: Settings,
  { catalogue, from, newest }: CatalogueAtHand,
  agreed: Catalogue | undefined,
): void {
  if (catalogue === undefined) {
    out.line(
      `${out.style.bold(app)} has no catalogue: it collects whatever it registers, but for labels that name infrastructure.`,
    );
  } else {
    printCatalogue(out, catalogue, agreed ? additions(catalogue, agreed) : []);
    out.line();
    out.line(out.style.dim(`from ${from}`));
  }
  const sample = sampleFrame({ dir, app, nowMs: io.now() }, catalogue, newest);
  if (!sample) return;
  const lines = sample.text.trimEnd().split("\n");
  out.line();
  out.line(
    out.style.bold(
      sample.isReal
        ? "The newest frame that it wrote, byte for byte:"
        : "A frame as it will be written, with made-up values:",
    ),
  );
  for (const line of lines.slice(0, MOST_LINES)) out.line(`  ${showUnseen(line)}`);
  if (lines.length > MOST_LINES) out.line(`  … and ${lines.length - MOST_LINES} more lines`);
}

/** What the label `user` tells, by the kind of identity. */
const USER_IN_WORDS: Readonly<Record<IdentityKind, readonly string[]>> = {
  none: [],
  rotating: ["user, a hash that tells no name and is another one each week"],
  installation: ["user, a hash that tells no name"],
  "hostname-sha256": ["user, a hash of this machine's name that can be guessed"],
};

function tellEffect({ out }: Context, { dir, metrics, file }: Settings, local: boolean): void {
  out.line();
  out.line(`It is kept in ${dir}, one file a day that you can read, for you alone.`);
  if (local) {
    out.line("Nothing of it is sent.");
    return;
  }
  const labels = [...metrics.session_labels, ...USER_IN_WORDS[identityKind(metrics)]].join(", ");
  const destinations = metrics.destinations.map(({ name, url }) => `${name} (${url})`);
  out.line(
    destinations.length > 0
      ? `\`promferry upload-metrics\` sends it to ${destinations.join(", ")}${labels && `, with ${labels}`}.`
      : `Nothing is sent as long as no destination is configured in ${file}.`,
  );
  out.line("What was recorded before this yes is never sent.");
}
