import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { endpointsInWords, type InstanceView } from "../targets/instance-view.ts";
import { connectService, jsonOf, type ServiceOptions } from "../targets/service-client.ts";

interface ListOptions extends ServiceOptions {
  readonly project?: string;
  readonly service?: string;
  readonly scope?: string;
  readonly endpoint?: string;
  readonly state?: string;
}

/** All instances that match, by id; under `--json` one document. */
export async function targetsList(context: Context, options: ListOptions): Promise<ExitCode> {
  const { out } = context;
  const client = await connectService(context, options);
  const { project, service, scope, endpoint, state } = options;
  const query = new URLSearchParams({ limit: "1000" });
  for (const [name, value] of Object.entries({ project, service, scope, endpoint, state })) {
    if (value !== undefined) query.set(name, value);
  }
  const items: InstanceView[] = [];
  for (;;) {
    const answer = await client.request("GET", `/v1/instances?${query}`);
    const page = jsonOf<{ items: readonly InstanceView[]; next?: string }>(answer);
    items.push(...page.items);
    if (page.next === undefined) break;
    query.set("after", page.next);
  }
  out.table(
    items.map((instance) => [
      instance.id,
      instance.state,
      `${instance.project}/${instance.service}`,
      endpointsInWords(instance),
    ]),
  );
  out.note(count(items.length, "instance"));
  out.json({ items });
  return EXIT.ok;
}
