import type { DestinationReport, UploadReport } from "@promferry/uploader";
import { expect, test } from "vitest";
import type { Output } from "../output.ts";
import { printReport } from "./describe-report.ts";

const NOTHING: DestinationReport = {
  name: "d",
  keepsHistory: true,
  accepted: 0,
  refused: [],
  unknown: 0,
  leftOut: [],
  withheld: [],
  withheldFrames: [],
  resent: 0,
  lateFrames: 0,
  waitingFrames: 0,
  unchosenFrames: 0,
  requests: 0,
  bytes: undefined,
  files: [],
  notes: [],
  failure: undefined,
};

/** What is printed of one destination, standard error after standard output. */
function printed(destination: Partial<DestinationReport>, dryRun = false): string[] {
  const lines: string[] = [];
  const notes: string[] = [];
  const same = (text: string) => text;
  const out = {
    line: (text = "") => void lines.push(text),
    note: (text: string) => void notes.push(text),
    style: { bold: same },
  } as unknown as Output;
  const report = {
    dryRun,
    destinations: [{ ...NOTHING, ...destination }],
    deleted: [],
    kept: [],
    lost: [],
    historyDropped: false,
    damaged: 0,
    heldFrames: 0,
    unreadable: [],
  } as unknown as UploadReport;
  printReport(out, report);
  return [...lines, ...notes];
}

const file = { file: "2025-10-06.prom", status: "success", accepted: 2, refused: 0, unknown: 0 } as const;
const failure = {
  kind: "unavailable",
  code: undefined,
  message: "answered with 500",
  inDoubt: true,
} as const;

for (const { name, destination, dryRun = false, lines } of [
  { name: "nothing new", destination: {}, lines: ["d  nothing to send"] },
  {
    name: "what was refused is not nothing",
    destination: {
      requests: 3,
      refused: [{ reason: "too many labels", count: 2 }],
      files: [{ ...file, status: "failed", accepted: 0, refused: 2 }],
    },
    lines: [
      "d  nothing was accepted",
      "  2025-10-06.prom  failed, 0 samples, 2 refused",
      "  refused 2 samples: too many labels",
    ],
  },
  {
    name: "the setting of a server that takes nothing late is named",
    destination: { requests: 3, refused: [{ reason: "answered with 400: out of bounds", count: 2 }] },
    lines: [
      "d  nothing was accepted",
      "  refused 2 samples: answered with 400: out of bounds",
      "  a server takes late samples inside its out_of_order_time_window: raise it, then --force sends them again;",
      "  or set on_too_old: collapse with max_age. `promferry doctor` says what holds",
    ],
  },
  {
    name: "only the first of many reasons",
    destination: {
      requests: 1,
      refused: Array.from({ length: 13 }, (_, i) => ({ reason: `r${i}`, count: 2 })),
    },
    lines: [
      "d  nothing was accepted",
      ...Array.from({ length: 10 }, (_, i) => `  refused 2 samples: r${i}`),
      "  refused 6 samples for 3 other reasons: see rejected/ in the journal's folder",
    ],
  },
  {
    name: "what a protocol cannot carry is told once",
    destination: { accepted: 2, requests: 1, leftOut: [{ reason: "stale markers", count: 1 }] },
    lines: ["d  2 samples accepted in 1 request", "  left out 1 sample: stale markers"],
  },
  {
    name: "a dry run claims no success",
    destination: { accepted: 2, requests: 1, bytes: 99, files: [file] },
    dryRun: true,
    lines: ["d  2 samples would be sent in 1 request, 99 bytes", "  2025-10-06.prom  2 samples"],
  },
  {
    name: "an answer that leaves it open is not called lost",
    destination: { requests: 2, resent: 2, failure },
    lines: [
      "d  nothing was sent",
      "  sent again, since the receiver may not have had them: 2 samples",
      "promferry: d: answered with 500",
      "  check its url and the network; the next upload continues where this one stopped",
      "  the receiver may have the last request all the same; it is sent again, byte for byte, next time",
    ],
  },
] as {
  name: string;
  destination: Partial<DestinationReport>;
  dryRun?: boolean;
  lines: string[];
}[]) {
  test(`a report: ${name}`, () => expect(printed(destination, dryRun)).toEqual(lines));
}
