import { type UploadCleanup, type UploadReport, type UploadTarget, upload } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { formatDuration } from "../config/duration.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { reportFailure, stopCode } from "../report-error.ts";
import type { ScheduleKind } from "../schedule/schedule.ts";
import { printReport } from "../upload/describe-report.ts";
import { prepareTarget } from "../upload/prepare-target.ts";
import { type PreparedUpload, prepareUpload, type UploadFlags } from "../upload/prepare-upload.ts";
import { watchUploads } from "../upload/watch-uploads.ts";
import { installUploadSchedule } from "./install-schedule.ts";

interface UploadMetricsOptions extends UploadFlags {
  readonly dryRun?: boolean;
  readonly cleanup?: boolean;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly watch?: boolean;
  /** Milliseconds; with `watch` and `installSchedule`. */
  readonly every?: number;
  readonly installSchedule?: ScheduleKind;
  readonly write?: boolean;
}

/** How long `--wait` waits for another upload. */
const WAIT_MS = 600_000;

const EVERY_MS = 900_000;

export async function uploadMetrics(context: Context, flags: UploadMetricsOptions): Promise<ExitCode> {
  const { installSchedule, every: everyMs = EVERY_MS, timeout: timeoutMs } = flags;
  if (flags.watch) return watch(context, flags);
  if (installSchedule !== undefined) {
    return installUploadSchedule(context, { ...flags, installSchedule, everyMs, timeoutMs });
  }
  if (flags.every !== undefined || flags.write) {
    const [flag, owners] = flags.write
      ? ["--write", "--install-schedule"]
      : ["--every", "--watch or --install-schedule"];
    throw new CliError(EXIT.usage, `${flag} belongs to ${owners}`, { hint: `add ${owners}` });
  }
  return uploadOnce(context, flags);
}

/**
 * Uploads again and again; the configuration is read anew each time.
 *
 * @throws {CliError} The first upload could not begin: flags or configuration don't fit.
 */
function watch(context: Context, flags: UploadMetricsOptions): Promise<ExitCode> {
  const { io, out } = context;
  const { every: everyMs = EVERY_MS } = flags;
  let isFirst = true;
  out.note(`uploading every ${formatDuration(everyMs)}; Ctrl-C ends it`);
  return watchUploads({
    everyMs,
    stop: io.signal,
    async upload(signal) {
      const own = { ...context, io: { ...io, signal } };
      try {
        return await uploadOnce(own, flags);
      } catch (error) {
        const cannotBegin = error instanceof CliError && NEVER_BEGINS.includes(error.exitCode);
        if (isFirst && cannotBegin) throw error;
        return reportFailure(own, signal.aborted ? signal.reason : error);
      } finally {
        isFirst = false;
      }
    },
    onWait(waitMs, failures) {
      const next = `next upload in ${formatDuration(Math.ceil(waitMs / 1000) * 1000)}`;
      if (failures > 0) out.note(`promferry: ${next}, after ${count(failures, "failure")}`);
      else out.progress(next);
    },
  });
}

const NEVER_BEGINS: readonly ExitCode[] = [EXIT.usage, EXIT.config];

async function uploadOnce(context: Context, flags: UploadMetricsOptions): Promise<ExitCode> {
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
