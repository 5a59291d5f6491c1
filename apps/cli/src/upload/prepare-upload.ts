import { DeliveryError } from "@promferry/core/delivery";
import { openJournal } from "@promferry/core/journal";
import { readConsent, type Sampling } from "@promferry/privacy";
import type { UploadOptions, UploadReport, UploadTarget } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { boundsInWords, misnamedGauges } from "../config/clamped-names.ts";
import type { Settings } from "../config/load-config.ts";
import { catalogueAtHand } from "../consent/catalogue-at-hand.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { type Choice, type ChoiceFlags, choose } from "./choose.ts";
import { createMayLeave } from "./may-leave.ts";
import { type PreparedTarget, prepareTarget, type TargetPurpose } from "./prepare-target.ts";
import { samplingOf, undrawnInWords } from "./sampling.ts";

export interface UploadFlags extends ChoiceFlags {
  readonly force?: boolean;
  readonly now?: boolean;
  readonly enableMetricsCollection?: boolean;
}

export interface PreparedUpload {
  readonly settings: Settings;
  readonly choice: Choice;
  /** Without `dryRun` and what else the command decides. */
  readonly options: UploadOptions;
  /** The report with what the user should know of each destination, as far as only the configuration says it. */
  readonly withNotes: (report: UploadReport) => UploadReport;
  readonly prepared: readonly PreparedTarget[];
  readonly sampling: Sampling;
  /** What of the data must not leave and stopped the upload; undefined where nothing did. */
  readonly blockedBy: () => string | undefined;
}

/**
 * What an upload and its preview have in common: everything but the sending.
 *
 * @throws {CliError} The flags or the configuration don't fit.
 */
export async function prepareUpload(
  context: Context,
  flags: UploadFlags,
  { dryRun }: { readonly dryRun: boolean },
): Promise<PreparedUpload> {
  const { io } = context;
  const settings = await context.settings();
  const choice = choose(settings, flags);
  const purpose: TargetPurpose = { dryRun, secrets: new Map() };
  const prepared: PreparedTarget[] = [];
  for (const config of choice.destinations) {
    prepared.push(await prepareTarget(context, settings, config, purpose));
  }
  const journal = openJournal(settings.dir, { now: io.now });
  const sampling = await samplingOf(settings, !dryRun);
  const { enableMetricsCollection: flag } = flags;
  const mayLeave = createMayLeave({ settings, env: io.env, flag, sampling, now: io.now });
  const unclear = prepared.find(({ isDistinct, target }) => !isDistinct && target.destination.keepsHistory);
  if (unclear) {
    const { frames } = await journal.index();
    const sends = frames.some((frame) => frame.header.origin === "app" && mayLeave(frame) === true);
    if (sends) throw indistinctError(settings, unclear.target.destination.name);
  }
  const general = await generalNotes(context, settings, { sampling, dryRun });
  const { from, toDate } = choice;
  return {
    settings,
    choice,
    prepared,
    sampling,
    blockedBy: () => prepared.map((each) => each.blockedBy()).find((why) => why !== undefined),
    withNotes: (report) => ({
      ...report,
      destinations: report.destinations.map((each) => {
        const { notes = () => [] } =
          prepared.find(({ target }) => target.destination.name === each.name) ?? {};
        return { ...each, notes: [...notes(), ...general, ...each.notes] };
      }),
    }),
    options: {
      journal,
      targets: prepared.map(({ target }) => whileAgreed(target, settings.dir)),
      mayLeave,
      sendNow: flags.now ?? false,
      force: flags.force ?? false,
      signal: io.signal,
      now: io.now,
      ...(from === undefined ? {} : { from }),
      ...(toDate === undefined ? {} : { toDate }),
    },
  };
}

/** What `metrics.clamp` does, where it is not done yet, and what of it has no effect; and that nothing was drawn yet. */
async function generalNotes(
  context: Context,
  settings: Settings,
  { sampling, dryRun }: { readonly sampling: Sampling; readonly dryRun: boolean },
): Promise<readonly string[]> {
  const undrawn = sampling.provisional ? [undrawnInWords(sampling.rate)] : [];
  const bounds = Object.entries(settings.metrics.clamp);
  if (bounds.length === 0) return undrawn;
  const { catalogue } = (await catalogueAtHand(context, settings)) ?? {};
  const misnamed = catalogue ? misnamedGauges(settings.metrics, catalogue) : [];
  const working = bounds.filter(([gauge]) => !misnamed.some(({ name }) => name === gauge));
  return [
    // A real upload says what it did, not what it is set to do.
    ...(dryRun ? working.map(([name, each]) => `of ${name}, ${boundsInWords(each)}`) : []),
    ...misnamed.map(({ message }) => `metrics.clamp: ${message}`),
    ...undrawn,
  ];
}

/** A target to which nothing is sent once the user has said no while the upload was under way. */
function whileAgreed(target: UploadTarget, dir: string): UploadTarget {
  const { destination } = target;
  const atFirst = saysNo(dir);
  return {
    ...target,
    destination: {
      ...destination,
      async send(batch, options) {
        if (!atFirst && saysNo(dir)) {
          const message = "consent was withdrawn while this upload was under way; nothing more of it is sent";
          throw new DeliveryError("ERR_DELIVERY_MISCONFIGURED", message);
        }
        return destination.send(batch, options);
      },
    },
  };
}

/** Whether the consent file forbids sending. */
function saysNo(dir: string): boolean {
  const stored = readConsent(dir);
  return stored.kind === "decided" ? stored.record.choice !== "enabled" : stored.kind !== "none";
}

function indistinctError(settings: Settings, name: string): CliError {
  return new CliError(
    EXIT.config,
    `nothing tells this installation's series at ${name} from those of others: their counters would run into each other`,
    {
      hint:
        "use identity: installation, give the destination external_labels with user or instance,\n" +
        `or say exclusive: true if this is the only one; all in ${settings.file}`,
    },
  );
}
