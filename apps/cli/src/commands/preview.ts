import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Batch, Destination } from "@promferry/core/delivery";
import { isHistogram, type SampleValue } from "@promferry/core/series";
import { type PlannedRequest, upload } from "@promferry/uploader";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printReport } from "../upload/describe-report.ts";
import { describeRequest } from "../upload/describe-request.ts";
import { prepareUpload, type UploadFlags } from "../upload/prepare-upload.ts";

interface PreviewOptions extends UploadFlags {
  readonly limit: number;
  /** The folder for the requests. */
  readonly write?: string;
}

interface PreviewedSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  samples: number;
  /** `null` is the end of the series, an object a native histogram. */
  newest: { readonly ts: number; readonly value: SampleValue };
}

/** The upload itself as a dry run, with every batch looked at on its way to the encoder. */
export async function preview(context: Context, flags: PreviewOptions): Promise<ExitCode> {
  const { out } = context;
  const { options, settings, withNotes, blockedBy } = await prepareUpload(context, flags, { dryRun: true });
  const seen = new Map<string, Map<unknown, PreviewedSeries>>();
  const requests: PlannedRequest[] = [];
  const report = withNotes(
    await upload({
      ...options,
      dryRun: true,
      ...(flags.write === undefined ? {} : { onRequest: (request) => requests.push(request) }),
      targets: options.targets.map((target) => ({
        ...target,
        destination: watched(target.destination, (batch) => {
          const series = seen.get(target.destination.name) ?? new Map();
          seen.set(target.destination.name, series);
          remember(series, batch);
        }),
      })),
    }),
  );
  const { limit } = flags;
  const written =
    flags.write === undefined
      ? undefined
      : await writeRequests(resolve(context.io.cwd, flags.write), requests);
  const shown = report.destinations.map((destination) => ({
    ...destination,
    series: [...(seen.get(destination.name)?.values() ?? [])],
  }));
  out.json({
    destinations: shown.map((each) => ({ ...each, series: each.series.slice(0, limit) })),
    ...(written && { written }),
  });
  printReport(out, report, settings.metrics);
  for (const { name: destination, series, refused, leftOut } of shown) {
    if (series.length === 0) continue;
    out.line();
    // Destinations say how many samples they keep out, not which.
    const all = refused.length + leftOut.length > 0 ? ", those that would not go among them" : "";
    out.line(`${out.style.bold(destination)}  ${series.length} series${all}, the newest sample of each:`);
    for (const { name, labels, samples, newest } of series.slice(0, limit)) {
      const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
      const value = valueText(newest.value);
      const more = samples > 1 ? `  (${samples} samples)` : "";
      out.line(`  ${name}{${pairs.join(",")}} ${value} ${new Date(newest.ts).toISOString()}${more}`);
    }
    if (series.length > limit) out.line(`  and ${series.length - limit} more; --limit shows them`);
  }
  for (const path of written ?? []) out.line(`wrote ${path}`);
  return blockedBy() === undefined ? report.verdict : EXIT.privacy;
}

/** Each request's body as it would be sent (`.bin`), and beside it what it says (`.txt`). */
async function writeRequests(folder: string, requests: readonly PlannedRequest[]): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  /** Destinations are served side by side: each counts its own. */
  const counts = new Map<string, number>();
  for (const { destination, request } of requests) {
    const number = (counts.get(destination) ?? 0) + 1;
    counts.set(destination, number);
    const path = join(folder, `${destination}-${String(number).padStart(4, "0")}`);
    await writeFile(`${path}.bin`, request.body, { mode: 0o600 });
    await writeFile(`${path}.txt`, describeRequest(request), { mode: 0o600 });
    written.push(`${path}.bin`, `${path}.txt`);
  }
  return written;
}

function valueText(value: SampleValue): string {
  if (value === null) return "(ended)";
  return isHistogram(value) ? `(native histogram, ${value.count} observations)` : String(value);
}

function watched(destination: Destination, onBatch: (batch: Batch) => void): Destination {
  const { name, identity, keepsHistory, limits } = destination;
  return {
    name,
    identity,
    keepsHistory,
    limits,
    encode(batch) {
      const encoded = destination.encode(batch);
      onBatch(batch);
      return encoded;
    },
    send: (batch, options) => destination.send(batch, options),
  };
}

function remember(seen: Map<unknown, PreviewedSeries>, batch: Batch): void {
  for (const { series, timestampsMs, values } of batch.series) {
    const newest = { ts: timestampsMs.at(-1)!, value: values.at(-1) ?? null };
    const known = seen.get(series);
    if (known) {
      known.samples += values.length;
      known.newest = newest;
    } else {
      const labels = Object.fromEntries(series.labels.map(({ name, value }) => [name, value]));
      seen.set(series, { name: series.name, labels, samples: values.length, newest });
    }
  }
}
