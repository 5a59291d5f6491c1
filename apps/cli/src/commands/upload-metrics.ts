import { type UploadReport, type UploadTarget, upload } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import { formatDuration } from "../config/duration.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { reportFailure, stopCode } from "../report-error.ts";
import type { ScheduleKind } from "../schedule/schedule.ts";
import { cleanupFor } from "../upload/cleanup.ts";
import { deletePastGroups } from "../upload/delete-past-groups.ts";
import { printReport } from "../upload/describe-report.ts";
import { finishRequests } from "../upload/finish-requests.ts";
import { prepareUpload, type UploadFlags } from "../upload/prepare-upload.ts";
import { retainedTargets } from "../upload/retained-targets.ts";
import { createProgressLine } from "../upload/upload-progress.ts";
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
  return uploadOnce(context, flags, finishRequests);
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
        // Its time to end is over when it is told to.
        return await uploadOnce(own, flags, (target) => target);
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

/** @param arm Of each target, the form that is sent to. */
async function uploadOnce(
  context: Context,
  flags: UploadMetricsOptions,
  arm: (target: UploadTarget) => UploadTarget,
): Promise<ExitCode> {
  const { out, io } = context;
  const { dryRun = false, wait = false, timeout } = flags;
  const prepared = await prepareUpload(context, flags, { dryRun });
  const { settings, choice } = prepared;
  const { targets: others, skipped } = await retainedTargets(context, settings, choice.others);
  const progressLine = createProgressLine(io.now);
  const cleanup = skipped ? undefined : cleanupFor(settings.metrics, flags);
  const report = prepared.withNotes(
    await upload({
      ...prepared.options,
      targets: prepared.options.targets.map(arm),
      dryRun,
      timeoutMs: timeout,
      waitMs: wait ? WAIT_MS : 0,
      otherDestinations: others,
      ...(cleanup ? { cleanup } : {}),
      onProgress: (progress) => out.progress(progressLine(progress)),
    }),
  );
  const blockedBy = prepared.blockedBy();
  const verdict = blockedBy === undefined ? report.verdict : EXIT.privacy;
  if (!dryRun) await deletePastGroups(context, prepared.options.journal, prepared, report);
  const exitCode = report.aborted ? stopCode(io.signal.reason) : verdict;
  out.json({ ...toJson(report), exitCode });
  printReport(out, report, settings.metrics);
  if (blockedBy !== undefined && report.verdict !== EXIT.privacy) out.note(`promferry: ${blockedBy}`);
  if (skipped && (flags.cleanup || settings.metrics.delete_after_push)) {
    out.note(`promferry: no day was deleted: ${skipped.message}`);
  }
  if (flags.cleanup) for (const { day, reason } of report.kept) out.line(`kept ${day}: ${reason}`);
  return exitCode;
}

/** The report as plain data. */
function toJson(report: UploadReport): Omit<UploadReport, "verdict"> {
  const { verdict: _, ...rest } = report;
  return rest;
}
