import type { Refusal } from "@promferry/core/delivery";
import type { FrameRef } from "@promferry/core/journal";
import type { Withheld } from "@promferry/core/merge";
import type { Ledger } from "./ledger.ts";
import type { FramePlan } from "./plan.ts";
import type { DestinationReport, FileReport, UploadFailure } from "./report.ts";
import type { FileCounts, SettleContext } from "./settle.ts";
import { noCounts } from "./settle.ts";

/** Adds up one destination's report while it is being served. */
export interface Tally {
  readonly accepted: number;
  count(file: string, counts: Partial<FileCounts>): void;
  refuse(reason: string, count: number): void;
  leaveOut(leftOut: readonly Refusal[]): void;
  request(): void;
  /** A request of a dry run. */
  encoded(bodyBytes: number): void;
  resend(samples: number): void;
  plan(plan: FramePlan): void;
  withhold(withheld: readonly Withheld[]): void;
  note(sentence: string): void;
  fail(failure: UploadFailure): void;
  report(ledger: Ledger): DestinationReport;
}

export function createTally(name: string, keepsHistory: boolean): Tally {
  const files = new Map<string, FileCounts>();
  const refused = new Map<string, number>();
  const leftOut = new Map<string, number>();
  const notes: string[] = [];
  let withheld: readonly Withheld[] = [];
  let withheldFrames: readonly { reason: string; frames: number }[] = [];
  let frames = { lateFrames: 0, waitingFrames: 0, unchosenFrames: 0 };
  let accepted = 0;
  let unknown = 0;
  let resent = 0;
  let requests = 0;
  let bytes: number | undefined;
  let failure: UploadFailure | undefined;
  return {
    get accepted() {
      return accepted;
    },
    count(file, counts) {
      files.set(file, addCounts(files.get(file), counts));
      accepted += counts.accepted ?? 0;
      unknown += counts.unknown ?? 0;
    },
    refuse(reason, count) {
      refused.set(reason, (refused.get(reason) ?? 0) + count);
    },
    leaveOut(list) {
      for (const { reason, count } of list) leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
    },
    request() {
      requests++;
    },
    encoded(bodyBytes) {
      bytes = (bytes ?? 0) + bodyBytes;
    },
    resend(samples) {
      resent += samples;
    },
    plan({ actions, waiting, unchosen, withheld: kept }) {
      const lateFrames = actions.filter((each) => each.kind === "fold" && each.why === "late").length;
      frames = { lateFrames, waitingFrames: waiting.length, unchosenFrames: unchosen.length };
      withheldFrames = [...kept].map(([reason, refs]) => ({ reason, frames: refs.length }));
    },
    withhold(list) {
      withheld = list;
    },
    note: (sentence) => void notes.push(sentence),
    fail(what) {
      failure = what;
    },
    report(ledger) {
      const fileReports = [...files].map(
        ([file, counts]): FileReport => ({
          file,
          status: ledger.files.get(file)?.get(name)?.status ?? "failed",
          ...counts,
        }),
      );
      const byReason = (counts: ReadonlyMap<string, number>) =>
        [...counts].map(([reason, count]): Refusal => ({ reason, count }));
      return {
        name,
        keepsHistory,
        accepted,
        refused: byReason(refused),
        unknown,
        leftOut: byReason(leftOut),
        withheld,
        withheldFrames,
        resent,
        ...frames,
        requests,
        bytes,
        files: fileReports.sort((a, b) => (a.file < b.file ? -1 : 1)),
        notes,
        failure,
      };
    },
  };
}

/** The sum; what is absent counts as 0. */
export function addCounts(known: FileCounts = noCounts, more: Partial<FileCounts> = noCounts): FileCounts {
  return {
    accepted: known.accepted + (more.accepted ?? 0),
    refused: known.refused + (more.refused ?? 0),
    unknown: known.unknown + (more.unknown ?? 0),
  };
}

/** The frames that are due, by file: those that no consent keeps here and that need not wait. */
export function dueByFile(
  plan: Pick<FramePlan, "waiting" | "withheld">,
  all: Iterable<FrameRef>,
): SettleContext["due"] {
  const left = new Set([...plan.waiting, ...[...plan.withheld.values()].flat()]);
  const due = new Map<string, FrameRef[]>();
  for (const ref of all) {
    if (left.has(ref)) continue;
    const list = due.get(ref.file);
    if (list) list.push(ref);
    else due.set(ref.file, [ref]);
  }
  return due;
}
