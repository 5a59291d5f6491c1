import { CliError } from "../cli-error.ts";
import { isLoopbackHost } from "../config/check-url.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { stopCode } from "../report-error.ts";
import { connectService, type ServiceOptions } from "../targets/service-client.ts";
import { simulateFleet } from "../targets/simulate-fleet.ts";
import { serveExporters } from "../targets/simulated-exporters.ts";

interface SimulateOptions extends ServiceOptions {
  readonly instances: number;
  readonly project: string;
  readonly service: string;
  readonly network: string;
  readonly port: number;
  readonly duration: number;
  readonly heartbeat?: number;
  readonly reboot: number;
  readonly die: number;
  readonly cutOff: number;
  readonly stay?: boolean;
  readonly serve?: boolean;
}

/** Plays instances against a service on this machine; exit 3 when some were refused. */
export async function targetsSimulate(context: Context, options: SimulateOptions): Promise<ExitCode> {
  const { io, out } = context;
  const { instances, network, port, heartbeat } = options;
  if (!/^127\.(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/.test(network)) {
    throw new CliError(EXIT.usage, `--network: expected two parts inside 127/8, got ${network}`, {
      hint: "such as 127.40",
    });
  }
  if (instances > 60_000) throw new CliError(EXIT.usage, "--instances: expected at most 60000");
  const client = await connectService(context, options);
  if (!isLoopbackHost(new URL(client.url).hostname)) {
    throw new CliError(
      EXIT.usage,
      `${client.url} is not on this machine: what is simulated would be scraped`,
      {
        hint: "start a service here, `promferry-targets`",
      },
    );
  }
  const place = { instances, service: options.service, network, port };
  const exporters = options.serve ? await serveExporters(place) : undefined;
  try {
    const report = await simulateFleet({
      ...place,
      platform: client,
      fetch,
      project: options.project,
      durationMs: options.duration,
      ...(heartbeat === undefined ? {} : { heartbeatMs: heartbeat }),
      reboot: options.reboot,
      die: options.die,
      cutOff: options.cutOff,
      stay: options.stay ?? false,
      signal: io.signal,
      onStage: (words) => out.note(words),
    });
    const { joined, refused, join_ms: ms, heartbeats } = report;
    const inWords = (counts: Readonly<Record<string, number>>): string =>
      Object.entries(counts)
        .map(([what, number]) => `${number} ${what}`)
        .join(", ") || "none";
    out.line(
      `joined      ${joined} of ${instances}; p50 ${ms.p50} ms, p99 ${ms.p99} ms, longest ${ms.max} ms`,
    );
    out.line(`refused     ${inWords(refused)}`);
    out.line(`heartbeats  ${inWords(heartbeats)}`);
    out.json(report);
    if (io.signal.aborted) return stopCode(io.signal.reason);
    return joined === instances ? EXIT.ok : EXIT.partial;
  } finally {
    exporters?.close();
  }
}
