import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { connectService, type ServiceOptions } from "../targets/service-client.ts";

interface RemoveOptions extends ServiceOptions {
  readonly reason?: string;
}

/** Takes instances off the lists, at once and for good. The first that is refused or unknown ends it. */
export async function targetsRemove(
  context: Context,
  options: RemoveOptions,
  ids: readonly string[],
): Promise<ExitCode> {
  const client = await connectService(context, options);
  const query = options.reason === undefined ? "" : `?${new URLSearchParams({ reason: options.reason })}`;
  for (const id of ids) {
    const path = `/v1/instances/${encodeURIComponent(id)}`;
    // DELETE answers 204 for an id that nobody has, too: a typing error would be told as done.
    await client.request("GET", path);
    await client.request("DELETE", `${path}${query}`);
    context.out.line(`${id}: removed for good`);
  }
  context.out.json({ removed: ids });
  return EXIT.ok;
}
