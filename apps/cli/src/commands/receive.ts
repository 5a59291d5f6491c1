import { once } from "node:events";
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { listenAddress } from "../receiver/listen-address.ts";
import { type Receiver, startReceiver } from "../receiver/receiver.ts";
import { reportFailure, stopCode } from "../report-error.ts";

interface ReceiveOptions {
  readonly listen: string;
  readonly allowRemote?: boolean;
}

/** Receives until Ctrl-C or SIGTERM. */
export async function receive(
  context: Context,
  { listen, allowRemote = false }: ReceiveOptions,
): Promise<ExitCode> {
  const { io, out } = context;
  const { host, port } = listenAddress(listen, {
    allowsRemote: allowRemote,
    exposure: "the receiver has no authentication",
  });
  const { dir, metrics } = await context.settings();
  await checkWritable(dir);
  let receiver: Receiver;
  try {
    receiver = await startReceiver({
      dir,
      dayBoundary: metrics.day_boundary,
      now: io.now,
      host,
      port,
      onError: (error) => reportFailure(context, error),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(EXIT.unavailable, `${listen} can't be listened on (${code ?? "unknown error"})`, {
      hint: "name another port with --listen; port 0 takes a free one",
      cause: error,
    });
  }
  out.line(`${out.style.bold(receiver.url)} receives into ${dir}`);
  out.line(`  remote write   ${receiver.url}/api/v1/write`);
  out.line(`  Pushgateway    ${receiver.url}`);
  out.line(`  text or JSON   ${receiver.url}/ingest`);
  out.line("Ctrl-C ends it.");
  out.json({ url: receiver.url, dir });
  try {
    if (!io.signal.aborted) await once(io.signal, "abort");
  } finally {
    await receiver.close();
  }
  const { requests, samples } = receiver.counts;
  out.note(`${count(samples, "sample")} in ${count(requests, "request")}`);
  return stopCode(io.signal.reason);
}

/** Found out before a sender is told to send. */
async function checkWritable(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await access(dir, constants.W_OK);
  } catch (error) {
    throw new CliError(EXIT.config, `nothing can be stored in ${dir}: ${(error as Error).message}`, {
      hint: "give yourself access to the folder, or name another one with --dir",
      cause: error,
    });
  }
}
