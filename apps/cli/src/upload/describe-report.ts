import type { DeletionCause, DestinationReport, FailureKind, UploadReport } from "@promferry/uploader";
import { formatByteSize } from "../config/byte-size.ts";
import { formatDuration } from "../config/duration.ts";
import type { MetricsConfig } from "../config/schema.ts";
import { count } from "../count.ts";
import type { Output } from "../output.ts";

/** What a person can do about a failure. */
const HINTS: Readonly<Record<FailureKind, string>> = {
  unavailable: "check its url and the network; the next upload continues where this one stopped",
  overloaded: "run the command again later; it continues where this one stopped",
  credentials: "check its auth in the configuration, and run the secret's command by hand",
  configuration: "check its url in the configuration",
  privacy: "`promferry privacy explain` shows what stays and why; metrics.scan says what is done about it",
  local: "check the journal's folder, its rights and the space left",
  aborted: "run the command again; it continues where this one stopped",
  internal: "please report this; your data is as it was",
};

const WHY: Readonly<Record<DeletionCause, string>> = {
  settled: "",
  age: ", older than retention_days",
  size: ", to stay within max_bytes",
};

/** What Prometheus, Mimir and Cortex say of a sample that comes too late for them. */
const TOO_LATE = /out of bounds|out[- ]of[- ]order|too[- ]old/i;

/** Reasons that a person would read. */
const MOST_REASONS = 10;

/** Prints a report for people: what went to standard output, what went wrong to standard error. */
export function printReport(
  out: Output,
  report: UploadReport,
  { time_step: timeStepMs }: Pick<MetricsConfig, "time_step"> = {},
): void {
  const { style } = out;
  for (const destination of report.destinations) {
    out.line(`${style.bold(destination.name)}  ${summary(destination, report.dryRun)}`);
    for (const line of details(destination, report.dryRun, timeStepMs)) out.line(`  ${line}`);
    for (const note of destination.notes) out.line(`  note: ${note}`);
  }
  for (const { day, cause, files, lost } of report.deleted) {
    out.line(`deleted ${day} (${files.join(", ")})${WHY[cause]}`);
    for (const { destination, frames } of lost) {
      out.note(
        `promferry: deleted ${day} although ${destination} did not have ${count(frames, "frame")} of it`,
      );
    }
  }
  if (report.bytesOver > 0) {
    out.note(
      `promferry: the journal is ${formatByteSize(report.bytesOver)} above max_bytes; only days that are over go`,
    );
  }
  if (report.historyDropped) out.line("  their history is gone: no configured destination keeps any");
  if (report.damaged > 0) {
    out.note(
      `promferry: damage in the journal, left out: ${count(report.damaged, "place")} without a valid frame`,
    );
    out.note(
      "  `promferry journal verify` shows where, and with --repair moves it aside; everything else is sent",
    );
  }
  if (report.heldFrames > 0) {
    out.note(`promferry: held back, with impossible times: ${count(report.heldFrames, "frame")}`);
    out.note("  the clock was wrong when they were written; `promferry status` shows them");
  }
  for (const { file, reason } of report.unreadable) {
    out.note(`promferry: passed over ${file}: ${reason}`);
    out.note(
      "  what it holds shows in later totals once it can be read; until then no younger day is deleted",
    );
  }
  for (const { name, failure } of report.destinations) {
    if (!failure) continue;
    out.note(`promferry: ${name}: ${failure.message}`);
    out.note(`  ${failure.hint ?? HINTS[failure.kind]}`);
    if (failure.inDoubt)
      out.note(
        "  the receiver may have the last request all the same; it is sent again, byte for byte, next time",
      );
  }
}

function summary(report: DestinationReport, dryRun: boolean): string {
  const { accepted, refused, unknown, requests, bytes, failure } = report;
  const size = bytes === undefined ? "" : `, ${bytes} bytes`;
  const how = `in ${count(requests, "request")}${size}`;
  if (dryRun)
    return accepted === 0 ? "nothing would be sent" : `${count(accepted, "sample")} would be sent ${how}`;
  if (failure)
    return accepted === 0
      ? "nothing was sent"
      : `${count(accepted, "sample")} accepted ${how}, then it failed`;
  if (accepted === 0) return refused.length > 0 || unknown > 0 ? "nothing was accepted" : "nothing to send";
  return `${count(accepted, "sample")} accepted ${how}`;
}

function details(report: DestinationReport, dryRun: boolean, timeStepMs?: number): string[] {
  const lines = report.files
    .filter(({ accepted, refused, unknown }) => accepted + refused + unknown > 0)
    .map(({ file, status, accepted, refused, unknown }) => {
      const rest = `${refused > 0 ? `, ${refused} refused` : ""}${unknown > 0 ? `, ${unknown} unknown` : ""}`;
      return `${file}  ${dryRun ? "" : `${status}, `}${count(accepted, "sample")}${rest}`;
    });
  for (const { reason, count: refused } of report.refused.slice(0, MOST_REASONS))
    lines.push(`refused ${count(refused, "sample")}: ${reason}`);
  const others = report.refused.slice(MOST_REASONS);
  if (others.length > 0) {
    const refused = others.reduce((sum, each) => sum + each.count, 0);
    lines.push(
      `refused ${count(refused, "sample")} for ${others.length} other reasons: see rejected/ in the journal's folder`,
    );
  }
  if (report.refused.some(({ reason }) => TOO_LATE.test(reason))) {
    lines.push(
      "a server takes late samples inside its out_of_order_time_window: raise it, then --force sends them again;",
      "or set on_too_old: collapse with max_age. `promferry doctor` says what holds",
    );
  }
  if (report.unknown > 0) lines.push(`unknown whether ${count(report.unknown, "sample")} arrived`);
  for (const { reason, count: left } of report.leftOut)
    lines.push(`left out ${count(left, "sample")}: ${reason}`);
  for (const { reason, series, samples: kept } of report.withheld) {
    lines.push(`stayed here: ${count(kept, "sample")} of ${series} series, ${reason}`);
  }
  for (const { reason, frames } of report.withheldFrames) {
    lines.push(`stayed here: ${count(frames, "frame")}, because ${reason}`);
  }
  if (report.resent > 0)
    lines.push(`sent again, since the receiver may not have had them: ${count(report.resent, "sample")}`);
  if (report.lateFrames > 0)
    lines.push(`${count(report.lateFrames, "frame")} came late and show in later samples`);
  if (report.waitingFrames > 0) {
    const waiting = count(report.waitingFrames, "frame");
    lines.push(
      timeStepMs === undefined
        ? `${waiting} younger than 10 s wait for the next upload; --now takes them`
        : `${waiting} wait for an upload after the end of their ${formatDuration(timeStepMs)} (metrics.time_step)`,
    );
  }
  if (report.unchosenFrames > 0) lines.push(`${count(report.unchosenFrames, "frame")} lie outside the dates`);
  if (!report.keepsHistory && report.accepted > 0) lines.push("keeps the latest values only, no history");
  return lines;
}
