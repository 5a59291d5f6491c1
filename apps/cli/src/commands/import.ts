import { nodeJournalFs, openJournal } from "@promferry/core/journal";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type ImportPlan, missingFrames, planImport, writeFrames } from "../import/import-blocks.ts";
import { type BlockProblem, readBlocks } from "../import/read-blocks.ts";
import { readNamedFile } from "../read-input.ts";

/** Problems of one file that are shown. */
const MOST_PROBLEMS = 20;

interface ReadFile {
  readonly file: string;
  readonly plan: ImportPlan;
}

/**
 * Day files that other programs wrote, into the journal: each file one session, as a scraped page is one. All files
 * are read before anything is written; a bad line in one of them is exit 1, and nothing is imported.
 */
export async function importFiles(
  context: Context,
  _options: object,
  names: readonly string[],
): Promise<ExitCode> {
  const { io, out } = context;
  const { dir, metrics } = await context.settings();
  const read: ReadFile[] = [];
  const problems: (BlockProblem & { readonly file: string })[] = [];
  for (const file of names) {
    io.signal.throwIfAborted();
    const bytes = await readNamedFile(io, file);
    const { blocks, problems: found } = readBlocks(bytes);
    problems.push(...found.slice(0, MOST_PROBLEMS).map((each) => ({ file, ...each })));
    if (found.length > MOST_PROBLEMS) out.note(`${file}: and ${found.length - MOST_PROBLEMS} more blocks`);
    read.push({ file, plan: planImport(bytes, blocks) });
  }
  if (problems.length > 0) {
    for (const { file, line, column, message, excerpt } of problems) {
      out.note(
        `${file}:${line}:${column}: ${message}${excerpt === "" ? "" : `: ${JSON.stringify(excerpt)}`}`,
      );
    }
    out.note("promferry: nothing was imported");
    out.json({ files: [], problems, exitCode: EXIT.findings });
    return EXIT.findings;
  }

  const index = await openJournal(dir, { now: io.now }).index();
  // Before the first one is written.
  const planned = read.map((each) => ({ ...each, missing: missingFrames(each.plan, index) }));
  const written = new Set<string>();
  const files = [];
  for (const { file, plan, missing } of planned) {
    const { session, sampleCount } = plan;
    const isNew = missing.length > 0 && !written.has(session);
    const target = { dir, fs: nodeJournalFs, dayBoundary: metrics.day_boundary };
    const into = isNew ? await writeFrames(plan, missing, target) : [];
    written.add(session);
    const frames = isNew ? missing.length : 0;
    const samples = isNew ? missing.reduce((sum, { block }) => sum + block.sampleCount, 0) : 0;
    files.push({ file, session, frames, samples, into });
    out.line(
      isNew
        ? `${file}: ${count(frames, "frame")}, ${count(samples, "sample")}, as session ${session} into ${into.join(", ")}`
        : `${file}: the journal has it already, ${count(plan.frames.length, "frame")}, ${count(sampleCount, "sample")}, as session ${session}`,
    );
  }
  out.json({ files, problems, exitCode: EXIT.ok });
  return EXIT.ok;
}
