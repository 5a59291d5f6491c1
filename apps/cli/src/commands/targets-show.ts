import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { endpointsInWords, type InstanceView } from "../targets/instance-view.ts";
import { connectService, jsonOf, type ServiceOptions } from "../targets/service-client.ts";

interface HistoryEntry {
  readonly at: string;
  readonly what: string;
  readonly actor: string;
}

/** One instance, with the latest of what happened to it, the newest first. */
export async function targetsShow(
  context: Context,
  options: ServiceOptions,
  [id = ""]: readonly string[],
): Promise<ExitCode> {
  const { line, json, style } = context.out;
  const client = await connectService(context, options);
  const path = `/v1/instances/${encodeURIComponent(id)}`;
  const instance = jsonOf<InstanceView>(await client.request("GET", path));
  const events = jsonOf<{ items: readonly HistoryEntry[] }>(
    await client.request("GET", `${path}/events?limit=20`),
  );
  const row = (name: string, value: string) => line(`${style.dim(name.padEnd(12))}${value}`);
  row("instance", style.bold(instance.id));
  row("state", `${instance.state}${instance.removed_by === null ? "" : `, by ${instance.removed_by}`}`);
  row("since", instance.state_since);
  row("until", instance.deadline ?? "somebody says otherwise");
  row("seen", instance.seen_at ?? "never");
  row("project", instance.project);
  row("service", instance.service);
  row("endpoints", endpointsInWords(instance) || "none yet");
  for (const [name, value] of Object.entries(instance.labels)) row(`label`, `${name}=${value}`);
  if (events.items.length > 0) line();
  for (const { at, what, actor } of events.items) line(`${at}  ${what}  ${style.dim(actor)}`);
  json({ instance, events: events.items });
  return EXIT.ok;
}
