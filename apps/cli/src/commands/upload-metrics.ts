import { type UploadCleanup, type UploadReport, type UploadTarget, upload } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { stopCode } from "../report-error.ts";
import { printReport } from "../upload/describe-report.ts";
import { prepareTarget } from "../upload/prepare-target.ts";
import { type PreparedUpload, prepareUpload, type UploadFlags } from "../upload/prepare-upload.ts";

interface UploadMetricsOptions extends UploadFlags {
  readonly dryRun?: boolean;
  readonly cleanup?: boolean;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

/** How long `--wait` waits for another upload. */
const WAIT_MS = 600_000;

export async function uploadMetrics(context: Context, flags: UploadMetricsOptions): Promise<ExitCode> {
  const { out, io } = context;
  const { dryRun = false, wait = false, timeout } = flags;
  const prepared = await prepareUpload(context, flags, { dryRun });
  const { others, skipped } = await retained(context, prepared);
  const cleanup = skipped ? undefined : cleanupFor(prepared, flags);
  const report = await upload({
    ...prepared.options,
    dryRun,
    timeoutMs: timeout,
    waitMs: wait ? WAIT_MS : 0,
    otherDestinations: others,
    ...(cleanup ? { cleanup } : {}),
    onProgress: ({ destination, accepted }) => out.progress(`${destination}: ${accepted} samples accepted`),
  });
  const exitCode = report.aborted ? stopCode(io.signal.reason) : report.verdict;
  out.json({ ...toJson(report), exitCode });
  printReport(out, report, prepared.notes);
  if (skipped && (flags.cleanup || prepared.settings.metrics.delete_after_push)) {
    out.note(`promferry: no day was deleted: ${skipped.message}`);
  }
  if (flags.cleanup) for (const { day, reason } of report.kept) out.line(`kept ${day}: ${reason}`);
  return exitCode;
}

/** With `--cleanup` or `delete_after_push` every settled day that is over goes; else what retention lets go. */
function cleanupFor({ settings }: PreparedUpload, { cleanup = false }: UploadMetricsOptions): UploadCleanup {
  const {
    delete_after_push: afterPush,
    retention_overrides_upload: overrides,
    max_bytes: maxBytes,
  } = settings.metrics;
  const days = settings.metrics.retention_days || Number.POSITIVE_INFINITY;
  return {
    olderThanDays: cleanup || afterPush ? 0 : days,
    ...(overrides ? { unsettledOlderThanDays: days } : {}),
    maxBytes,
  };
}

/** The destinations that are not part of this run, and that may still need a day before it goes. */
async function retained(
  context: Context,
  { settings, choice }: PreparedUpload,
): Promise<{ others: readonly UploadTarget[]; skipped: CliError | undefined }> {
  const others: UploadTarget[] = [];
  try {
    for (const config of choice.others) {
      const purpose = { dryRun: true, secrets: new Map<string, Promise<string>>() };
      others.push((await prepareTarget(context, settings, config, purpose)).target);
    }
    return { others, skipped: undefined };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { others: [], skipped: error };
  }
}

/** The report as plain data. */
function toJson(report: UploadReport): Omit<UploadReport, "verdict"> {
  const { verdict: _, ...rest } = report;
  return rest;
}
