import { resolve } from "node:path";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { connectService, jsonOf, requestOnce, type ServiceOptions } from "../targets/service-client.ts";
import { writeSecretFile } from "../targets/write-output.ts";

interface JoinTokenOptions extends ServiceOptions {
  readonly project: string;
  readonly service: string;
  readonly instanceId?: string;
  readonly scope?: string;
  readonly range: readonly string[];
  readonly endpoint: readonly string[];
  readonly label: readonly string[];
  readonly ttl?: number;
  readonly output?: string;
}

/** Makes a token that lets one instance in, once, and prints it: the one time that it can be seen. */
export async function targetsJoinToken(context: Context, options: JoinTokenOptions): Promise<ExitCode> {
  const { io, out } = context;
  const { project, instanceId, scope, range, endpoint, ttl, output } = options;
  const client = await connectService(context, options);
  const labels = options.label.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new CliError(EXIT.usage, `--label: expected name=value, got ${text}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const answer = await requestOnce(client, "POST", "/v1/join-tokens", {
    project,
    service: options.service,
    ranges: range,
    endpoints: endpoint.length === 0 ? ["node"] : endpoint.map(grantOf),
    ...(scope === undefined ? {} : { scope }),
    ...(instanceId === undefined ? {} : { instance_id: instanceId }),
    ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
    ...(ttl === undefined ? {} : { ttl: Math.ceil(ttl / 1_000) }),
  });
  const made = jsonOf<{ id: string; token: string; expires_at: string }>(answer);
  if (output !== undefined) await writeSecretFile(io, output, `${made.token}\n`);
  else if (!out.isJson) await out.data(`${made.token}\n`);
  out.note(`${made.id}: good for one join, until ${made.expires_at}`);
  const { token, ...rest } = made;
  out.json(output === undefined ? made : { ...rest, file: resolve(io.cwd, output) });
  return EXIT.ok;
}

/** `node`, or `app:8080` with the port that it may have. */
function grantOf(text: string): string | { name: string; ports: number[] } {
  const [name = "", ...ports] = text.split(":");
  return ports.length === 0 ? name : { name, ports: ports.map(Number) };
}
