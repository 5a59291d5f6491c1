import { resolve } from "node:path";
import { parseShard } from "@promferry/target-registry/render";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { stopCode } from "../report-error.ts";
import { connectService, type ServiceOptions } from "../targets/service-client.ts";
import { syncFiles } from "../targets/sync-files.ts";

interface SyncCommandOptions extends ServiceOptions {
  readonly into: string;
  readonly endpoint: readonly string[];
  readonly project?: string;
  readonly scope?: string;
  readonly shard?: string;
  readonly once?: boolean;
}

/** Writes the lists where file_sd watches, and follows the service until Ctrl-C or SIGTERM. */
export async function targetsSync(context: Context, options: SyncCommandOptions): Promise<ExitCode> {
  const { io, out } = context;
  const { into, project, scope, once = false } = options;
  const shard = options.shard === undefined ? undefined : parseShard(options.shard);
  if (options.shard !== undefined && shard === undefined) {
    throw new CliError(EXIT.usage, `--shard: expected index/count, got ${options.shard}`, {
      hint: "0/4 is the first of four",
    });
  }
  const client = await connectService(context, options);
  let trouble = "";
  await syncFiles({
    client,
    dir: resolve(io.cwd, into),
    endpoints: options.endpoint.length === 0 ? ["node"] : options.endpoint,
    ...(project === undefined ? {} : { project }),
    ...(scope === undefined ? {} : { scope }),
    ...(shard === undefined ? {} : { shard }),
    once,
    signal: io.signal,
    onWritten(file, targets) {
      out.line(`${file}: ${count(targets, "target")}`);
      out.json({ file, targets });
    },
    onTrouble(error) {
      // Once for each kind of trouble, not once a try.
      const words = error instanceof Error ? error.message : "";
      if (words === trouble) return;
      trouble = words;
      out.note(
        words === "" ? "the service is well again" : `promferry: ${words}; the files stay as they are`,
      );
    },
  });
  return io.signal.aborted ? stopCode(io.signal.reason) : EXIT.ok;
}
