import { type Batch, DeliveryError, type Destination } from "@promferry/core/delivery";
import { nodeJournalFs, openJournal } from "@promferry/core/journal";
import { IdentityError } from "@promferry/privacy";
import { readLedger } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { destinationKind } from "../config/destination-kind.ts";
import type { Settings } from "../config/load-config.ts";
import type { DestinationConfig } from "../config/schema.ts";
import type { Context } from "../context.ts";
import { endedSeries, type SessionWeek, sessionWeeks } from "../upload/own-groups.ts";
import { type PreparedTarget, prepareTarget } from "../upload/prepare-target.ts";

/** What became of what a destination has. */
export interface RemoteOutcome {
  readonly destination: string;
  /** Samples that it accepted. */
  readonly accepted: number;
  /** Groups of a Pushgateway that were ours. */
  readonly groups: readonly {
    readonly url: string;
    readonly deleted: boolean;
    /** Why it was not. */
    readonly reason?: string;
  }[];
  /** What stays there, and what can be done about it; absent where nothing does. */
  readonly stays?: string;
}

/**
 * Deletes our groups at Pushgateways, one attempt each, and says of every destination that accepted something what
 * stays there. Opens no connection to others.
 */
export async function forgetRemote(context: Context, settings: Settings): Promise<RemoteOutcome[]> {
  const { dir, metrics } = settings;
  const ledger = await readLedger(dir, nodeJournalFs);
  const sessions = await sessionWeeks(openJournal(dir, { now: context.io.now }));
  const outcomes: RemoteOutcome[] = [];
  for (const [destination, { accepted }] of ledger.destinations) {
    if (accepted === 0) continue;
    const config = metrics.destinations.find(({ name }) => name === destination);
    const base = { destination, accepted, groups: [] };
    if (config === undefined) {
      outcomes.push({ ...base, stays: `it is no longer in ${settings.file}, so nothing was asked of it` });
    } else if (destinationKind(config.type) === "pushgateway") {
      outcomes.push({ ...base, ...(await deleteGroups(context, settings, config, sessions)) });
    } else {
      outcomes.push({ ...base, stays: await whatStays(context, settings, config) });
    }
  }
  return outcomes;
}

async function deleteGroups(
  context: Context,
  settings: Settings,
  config: DestinationConfig,
  sessions: readonly SessionWeek[],
): Promise<Pick<RemoteOutcome, "groups" | "stays">> {
  const prepared = await prepareOr(context, settings, config);
  if (typeof prepared === "string") return { groups: [], stays: `its groups are not known: ${prepared}` };
  const { destination } = prepared.target;
  const isOurs = settings.metrics.exclusive || tellsUsApart(config, prepared);
  const groups = new Map<string, GroupOutcome>();
  for (const { info, weekMs } of sessions) {
    const batch = endedSeries(prepared.groupLabels(info, weekMs), context.io.now());
    const [request] = destination.encode(batch).requests;
    if (request?.method !== "DELETE" || groups.has(request.url)) continue;
    const { url } = request;
    groups.set(
      url,
      isOurs ? await deleteGroup(context, destination, batch, url) : { url, deleted: false, reason: SHARED },
    );
  }
  const remaining = [...groups.values()].filter(({ deleted }) => !deleted);
  const stays = [
    ...(groups.size === 0 ? ["its groups are not known, for the journal has no session any more"] : []),
    ...remaining.map(({ url, reason }) => `${reason}; by hand: curl -X DELETE ${url}`),
    ...(groups.size > 1 ? ["groups of sessions whose days were deleted before are not known"] : []),
  ];
  return { groups: [...groups.values()], ...(stays.length > 0 ? { stays: stays.join("\n") } : {}) };
}

const SHARED = "nothing tells it from the group of another installation";

type GroupOutcome = RemoteOutcome["groups"][number];

async function deleteGroup(
  { io }: Context,
  destination: Destination,
  batch: Batch,
  url: string,
): Promise<GroupOutcome> {
  try {
    await destination.send(batch, { signal: io.signal });
    return { url, deleted: true };
  } catch (error) {
    if (io.signal.aborted || !(error instanceof DeliveryError)) throw error;
    return { url, deleted: false, reason: error.message };
  }
}

/** Whether the group's key names this installation. */
function tellsUsApart(config: DestinationConfig, { user }: PreparedTarget): boolean {
  const keys = config.grouping_keys;
  if (keys === undefined) return user !== undefined;
  return (
    "user" in keys || "instance" in keys || Object.values(keys).some((text) => text.includes("${USER_HASH}"))
  );
}

async function whatStays(context: Context, settings: Settings, config: DestinationConfig): Promise<string> {
  const prepared = await prepareOr(context, settings, config);
  const user = typeof prepared === "string" ? undefined : prepared.user;
  const weekly = settings.metrics.identity === "rotating" ? " this week, and another one in each before" : "";
  const which = user === undefined ? "" : `; they carry user="${user}"${weekly}`;
  return `nobody but who runs it can delete them: ask there${which}`;
}

/** Ready to send, or why not. No key is made: one that is gone can't be had again. */
async function prepareOr(
  context: Context,
  settings: Settings,
  config: DestinationConfig,
): Promise<PreparedTarget | string> {
  const isGateway = destinationKind(config.type) === "pushgateway";
  try {
    const purpose = { dryRun: !isGateway, secrets: new Map<string, Promise<string>>(), createsKey: false };
    const prepared = await prepareTarget(context, settings, config, purpose);
    const needsUser = settings.metrics.anonymize_user && settings.metrics.identity !== "none";
    return needsUser && prepared.user === undefined ? "the installation's key is gone" : prepared;
  } catch (error) {
    if (error instanceof CliError || error instanceof IdentityError) return error.message.split("\n")[0]!;
    throw error;
  }
}
