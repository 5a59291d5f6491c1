import { toBatch } from "@promferry/core/delivery";
import { openJournal } from "@promferry/core/journal";
import type { TotalSample } from "@promferry/core/merge";
import { isHistogram, type Series } from "@promferry/core/series";
import { writeOpenMetrics, writePrometheusText } from "@promferry/core/text-format";
import { writeJsonLines } from "@promferry/http-push";
import { joinSession } from "@promferry/privacy";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type JournalTotals, journalTotals } from "../export/journal-totals.ts";
import { createSampleFamilies } from "../export/sample-families.ts";
import { checkDate } from "../upload/choose.ts";

interface ExportOptions {
  readonly format: "prometheus" | "openmetrics" | "jsonl";
  readonly from?: string;
  readonly toDate?: string;
}

/**
 * - `prometheus`: the newest sample of each series, since that format holds each series once.
 * - `openmetrics`: every sample, for `promtool tsdb create-blocks-from openmetrics`.
 * - `jsonl`: every sample as it comes, `{"metric","labels","value","ts"}`.
 *
 * Exemplars stand in `openmetrics`. Native histograms have no place in any of them; how many were left
 * out is said on standard error.
 */
export async function exportMetrics(context: Context, options: ExportOptions): Promise<ExitCode> {
  const { io, out } = context;
  const from = checkDate("--from", options.from);
  const toDate = checkDate("--to-date", options.toDate);
  const { dir, metrics } = await context.settings();
  const totals = journalTotals(openJournal(dir, { now: io.now }), {
    project: joinSession({ labels: metrics.session_labels }),
    from,
    toDate,
    signal: io.signal,
  });
  const write = { prometheus: writeNewest, openmetrics: writeAll, jsonl: writeLines }[options.format];
  const sampleCount = await write(context, totals);
  for (const { reason, samples } of totals.withheld()) {
    out.note(`promferry: ${samples} samples were left out: ${reason}`);
  }
  if (sampleCount === 0)
    out.note(`promferry: the journal ${dir} has no samples${from || toDate ? " for these days" : ""}`);
  return EXIT.ok;
}

function noteHistograms(out: Context["out"], histograms: number): void {
  if (histograms === 0) return;
  out.note(
    `promferry: left out: ${count(histograms, "native histogram")}; the format has none, remote write carries them`,
  );
}

async function writeNewest({ out }: Context, totals: JournalTotals): Promise<number> {
  const newest = new Map<Series, TotalSample>();
  for await (const samples of totals.steps()) for (const sample of samples) newest.set(sample.series, sample);
  const gathered = createSampleFamilies();
  for (const sample of newest.values()) gathered.add(sample);
  await out.data(writePrometheusText(gathered.families()));
  noteHistograms(out, gathered.histograms);
  return newest.size;
}

async function writeAll({ out }: Context, totals: JournalTotals): Promise<number> {
  const gathered = createSampleFamilies();
  let count = 0;
  for await (const samples of totals.steps()) {
    for (const sample of samples) gathered.add(sample);
    count += samples.length;
  }
  await out.data(writeOpenMetrics(gathered.families()));
  noteHistograms(out, gathered.histograms);
  return count;
}

async function writeLines({ out }: Context, totals: JournalTotals): Promise<number> {
  let count = 0;
  let histograms = 0;
  for await (const samples of totals.steps()) {
    await out.data(writeJsonLines(toBatch(samples)));
    count += samples.length;
    for (const { value } of samples) if (isHistogram(value)) histograms++;
  }
  noteHistograms(out, histograms);
  return count;
}
