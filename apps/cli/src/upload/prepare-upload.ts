import { openJournal } from "@promferry/core/journal";
import type { UploadOptions } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import type { Settings } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { type Choice, type ChoiceFlags, choose } from "./choose.ts";
import { createMayLeave } from "./may-leave.ts";
import { type PreparedTarget, prepareTarget, type TargetPurpose } from "./prepare-target.ts";

export interface UploadFlags extends ChoiceFlags {
  readonly force?: boolean;
  readonly now?: boolean;
}

export interface PreparedUpload {
  readonly settings: Settings;
  readonly choice: Choice;
  /** Without `dryRun` and what else the command decides. */
  readonly options: UploadOptions;
  /** By destination. */
  readonly notes: ReadonlyMap<string, readonly string[]>;
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
  for (const { path, message, absent } of settings.warnings) {
    if (absent) context.out.note(`promferry: ${path}: ${message}`);
  }
  const purpose: TargetPurpose = { dryRun, secrets: new Map() };
  const prepared: PreparedTarget[] = [];
  for (const config of choice.destinations) {
    prepared.push(await prepareTarget(context, settings, config, purpose));
  }
  const journal = openJournal(settings.dir, { now: io.now });
  const mayLeave = createMayLeave(settings, io.env);
  const unclear = prepared.find(({ isDistinct, target }) => !isDistinct && target.destination.keepsHistory);
  if (unclear) {
    const { frames } = await journal.index();
    const sends = frames.some((frame) => frame.header.origin === "app" && mayLeave(frame) === true);
    if (sends) throw indistinctError(settings, unclear.target.destination.name);
  }
  const { from, toDate } = choice;
  return {
    settings,
    choice,
    notes: new Map(prepared.map(({ target, notes }) => [target.destination.name, notes])),
    options: {
      journal,
      targets: prepared.map(({ target }) => target),
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
