import { resolve } from "node:path";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readInput } from "../read-input.ts";
import { connectService, type ServiceOptions } from "../targets/service-client.ts";

interface DrainOptions extends ServiceOptions {
  readonly keyFile: string;
}

/**
 * Says goodbye for an instance, with its own key: it is served for two more minutes, and comes back by its next heartbeat.
 *
 * The key decides: the same call with a platform's token would remove the instance for good, so such a token is refused.
 */
export async function targetsDrain(
  context: Context,
  options: DrainOptions,
  [id = ""]: readonly string[],
): Promise<ExitCode> {
  const { io, out } = context;
  const file = resolve(io.cwd, options.keyFile);
  if (/^\s*pft_/.test((await readInput(io, file)).toString("utf8"))) {
    throw new CliError(EXIT.usage, `${options.keyFile} holds a token of the service, not an instance's key`, {
      hint: "`promferry targets remove` takes an instance off the lists with such a token, for good",
    });
  }
  const client = await connectService(context, { ...options, tokenFile: file });
  await client.request("DELETE", `/v1/instances/${encodeURIComponent(id)}?reason=drain`);
  out.line(`${id}: draining`);
  out.json({ draining: id });
  return EXIT.ok;
}
