import { dayOfFile, type FrameRef, nodeJournalFs } from "@promferry/core/journal";
import { type Coarseness, createTotals, type Totals } from "@promferry/core/merge";
import { type CappedLabel, createExplainer, type ExplainedMetric } from "@promferry/privacy";
import { recallFromLedger } from "@promferry/uploader";
import { boundsInWords } from "../config/clamped-names.ts";
import type { MetricsConfig } from "../config/schema.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Output } from "../output.ts";
import { cappedInWords } from "../upload/capped-in-words.ts";
import { coarselyInWords } from "../upload/coarseness.ts";
import { prepareUpload, type UploadFlags } from "../upload/prepare-upload.ts";
import { undrawnInWords } from "../upload/sampling.ts";

interface Explanation {
  readonly destination: string;
  /** Frames that may leave, whether they were sent already or not. */
  readonly frames: number;
  readonly framesStay: readonly { readonly reason: string; readonly frames: number }[];
  readonly metrics: readonly ExplainedMetric[];
  /** Labels of which values become other, since there are too many. */
  readonly capped: readonly CappedLabel[];
  /** How coarse a program's totals leave; absent: as they are. */
  readonly coarseness?: Coarseness;
  /** Series that stay since too little was counted so far. */
  readonly belowMinimum?: number;
  readonly blockedBy?: string;
}

/** Puts the whole journal through each destination's filters, as an upload would, and tells what becomes of it. */
export async function privacyExplain(context: Context, flags: UploadFlags): Promise<ExitCode> {
  const { io, out } = context;
  const { options, settings, prepared, sampling, blockedBy } = await prepareUpload(context, flags, {
    dryRun: true,
  });
  const { journal, targets, mayLeave = () => true, from = "", toDate = "9999-12-31" } = options;
  const { frames } = await journal.index();
  const chosen = frames.filter(({ file }) => {
    const day = dayOfFile(file) ?? "";
    return day >= from && day <= toDate;
  });
  const { leaving, stay } = divide(chosen, mayLeave);
  await recallFromLedger(settings.dir, nodeJournalFs, targets);
  const explainers = targets.map(({ project }) => createExplainer(project));
  const totals = targets.map(({ project }) =>
    project.coarseness?.minimumCount === undefined ? undefined : createTotals({ project }),
  );
  for (const ref of leaving) {
    io.signal.throwIfAborted();
    const frame = await journal.read(ref);
    const { header, info, families } = frame;
    const { session, origin } = header;
    for (const explainer of explainers) explainer.add({ session, origin, info, families });
    for (const each of totals) each?.fold(frame, { late: false });
  }
  const why = blockedBy();
  const explained = targets.map(
    ({ destination, project: { coarseness } }, i): Explanation => ({
      destination: destination.name,
      frames: leaving.length,
      framesStay: stay,
      metrics: explainers[i]!.metrics(),
      capped: prepared[i]!.capped(),
      ...(coarseness && { coarseness }),
      ...(totals[i] && { belowMinimum: belowMinimum(totals[i]) }),
      ...(why !== undefined && { blockedBy: why }),
    }),
  );
  out.json({ destinations: explained });
  for (const [i, each] of explained.entries()) {
    if (i > 0) out.line();
    print(out, each, settings.metrics);
  }
  if (sampling.provisional) out.note(`promferry: ${undrawnInWords(sampling.rate)}`);
  if (why !== undefined) out.note(`promferry: ${why}`);
  return why === undefined ? EXIT.ok : EXIT.privacy;
}

/** How many series have not reached the minimum with the newest frame. */
function belowMinimum(totals: Totals): number {
  totals.latest();
  return totals.withheld().find(({ reason }) => reason === "minimum_count")?.series ?? 0;
}

function divide(
  frames: readonly FrameRef[],
  mayLeave: (frame: FrameRef) => true | string,
): { leaving: readonly FrameRef[]; stay: Explanation["framesStay"] } {
  const reasons = new Map<string, number>();
  const leaving = frames.filter((ref) => {
    const verdict = mayLeave(ref);
    if (verdict !== true) reasons.set(verdict, (reasons.get(verdict) ?? 0) + 1);
    return verdict === true;
  });
  return { leaving, stay: Array.from(reasons, ([reason, stays]) => ({ reason, frames: stays })) };
}

function print(
  out: Output,
  { destination, frames, framesStay, metrics, capped, coarseness, belowMinimum: below }: Explanation,
  config: MetricsConfig,
): void {
  const total = metrics.reduce((sum, { series }) => sum + series, 0);
  const leaves = metrics.reduce((sum, metric) => sum + metric.leaves, 0);
  out.line(
    `${out.style.bold(destination)}  of ${count(frames, "frame")} with ${total} series ${leaves} series leave`,
  );
  for (const { reason, frames: stays } of framesStay) {
    out.line(`  stay here: ${count(stays, "frame")}, because ${reason}`);
  }
  for (const sentence of coarseness ? coarselyInWords(coarseness) : []) out.line(`  ${sentence}`);
  if (below !== undefined)
    out.line(`  of these, ${below} series stay: below that minimum with the newest frame`);
  if (metrics.length === 0) return;
  const rows = [["metric", "type", "series", "leave"], ...metrics.map(cells)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const toTheRight = rows.map((row) =>
    row.map((cell, column) => (column < 2 ? cell : cell.padStart(widths[column]!))),
  );
  for (const [i, line] of out.tableLines(toTheRight, 2).entries()) {
    out.line(`  ${i === 0 ? out.style.dim(line) : line}`);
    const metric = metrics[i - 1];
    if (metric === undefined) continue;
    for (const fate of fates(metric)) out.line(`    ${fate}`);
    for (const each of capped) {
      if (each.metric === metric.name) out.line(`    ${cappedInWords(each, config)}`);
    }
  }
}

function cells({ name, type, series, leaves }: ExplainedMetric): string[] {
  return [name, type, String(series), String(leaves)];
}

function fates({ labels, renamed, clamped, helpChanged, stays, merges }: ExplainedMetric): string[] {
  const named = (what: string, names: readonly string[]) =>
    names.length > 0 ? [`${what}: ${names.join(", ")}`] : [];
  return [
    ...stays.map(({ reason, series }) => `${series} stay: ${reason}`),
    ...named("leaves as", renamed),
    ...named("labels dropped", labels.dropped),
    ...named("values changed in", labels.changed),
    ...named("labels added", labels.added),
    ...(clamped ? [`${boundsInWords(clamped)}: ${count(clamped.samples, "sample")}`] : []),
    ...(helpChanged ? ["its HELP text is left out"] : []),
    ...(merges ? [`${merges.series} series become ${merges.into}: ${merges.how}`] : []),
  ];
}
