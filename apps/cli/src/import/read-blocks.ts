import { createSeriesDictionary, type MetricFamily, type SeriesDictionary } from "@promferry/core/series";
import { ExpositionError, parseExposition } from "@promferry/core/text-format";

/** One `# Written:` line and what stands under it. */
export interface WrittenBlock {
  /** As the line says; milliseconds since the epoch. */
  readonly writtenMs: number;
  readonly families: readonly MetricFamily[];
  readonly sampleCount: number;
}

/** What is wrong with a line. */
export interface BlockProblem {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** What was expected. */
  readonly message: string;
  /** The line, at most 80 characters of it. */
  readonly excerpt: string;
}

const MARK = "# Written:";
const WRITTEN = /^# Written: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))$/;
/** Milliseconds from 2001 to 2286: a number that lost its last digit is another one, and so are seconds. */
const MILLISECONDS = /^\d{13}$/;
const MAX_EXCERPT = 80;
const LF = 10;

/**
 * Reads the day files that other programs write: blocks of Prometheus text format 0.0.4, one after the other, each
 * under a line `# Written: 2025-10-06T14:30:00Z`, every sample with its time in milliseconds. There is no trailer,
 * and there need be no TYPE line: as the format says, such a metric is untyped, whatever its name looks like.
 *
 * @returns With problems, the first one of each block; then no block is to be used.
 */
export function readBlocks(bytes: Uint8Array): {
  readonly blocks: readonly WrittenBlock[];
  readonly problems: readonly BlockProblem[];
} {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: WrittenBlock[] = [];
  const problems: BlockProblem[] = [];
  const dictionary = createSeriesDictionary();
  let headLine = 0;
  let line = 0;
  let head: string | undefined;
  let bodyStart = 0;

  const close = (end: number) => {
    const found = readBlock(head, buffer.subarray(bodyStart, end), headLine, dictionary);
    if (found === undefined) return;
    if ("excerpt" in found) problems.push(found);
    else blocks.push(found);
  };
  for (let start = 0; start < buffer.length; ) {
    const lf = buffer.indexOf(LF, start);
    const end = lf < 0 ? buffer.length : lf;
    line++;
    if (buffer.toString("latin1", start, Math.min(end, start + MARK.length)) === MARK) {
      close(start);
      head = buffer.toString("utf8", start, end);
      headLine = line;
      bodyStart = lf < 0 ? end : end + 1;
    }
    start = lf < 0 ? end : end + 1;
  }
  close(buffer.length);
  if (blocks.length === 0 && problems.length === 0) {
    problems.push({
      line: 1,
      column: 1,
      message: `expected \`${MARK} <time>\`, found no such line`,
      excerpt: "",
    });
  }
  return { blocks, problems };
}

/** Undefined for a beginning without a header and without samples. */
function readBlock(
  head: string | undefined,
  body: Buffer,
  headLine: number,
  dictionary: SeriesDictionary,
): WrittenBlock | BlockProblem | undefined {
  if (head === undefined) {
    const lines = body.toString("utf8").split("\n");
    const at = lines.findIndex((text) => text.trim() !== "" && !text.startsWith("#"));
    if (at < 0) return undefined;
    const message = `expected \`${MARK} <time>\` before the first sample`;
    return problem(at + 1, 1, message, lines[at]!);
  }
  const written = WRITTEN.exec(head)?.[1];
  const writtenMs = written === undefined ? Number.NaN : Date.parse(written);
  if (Number.isNaN(writtenMs)) {
    const isOwn = / v=\d+ session=/.test(head);
    const message = isOwn
      ? "expected a file of another program; this is a journal's own day file: copy it into the journal's folder"
      : `expected a time such as \`${MARK} 2025-10-06T14:30:00Z\``;
    return problem(headLine, 1, message, head);
  }
  let families: readonly MetricFamily[];
  try {
    families = parseExposition(body, { format: "prometheus", dictionary });
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    const text = body.toString("utf8").split("\n")[error.line - 1] ?? "";
    return problem(headLine + error.line, error.column, error.message.replace(/^\d+:\d+: /, ""), text);
  }
  const untimed = families.some(
    ({ timestampsMs }) => !timestampsMs.every((at) => MILLISECONDS.test(String(at))),
  );
  if (untimed) return findUntimed(body, headLine);
  const sampleCount = families.reduce((sum, { series }) => sum + series.length, 0);
  return { writtenMs, families, sampleCount };
}

function findUntimed(body: Buffer, headLine: number): BlockProblem {
  const lines = body.toString("utf8").split("\n");
  const at = lines.findIndex((text) => {
    const sample = text.trim();
    if (sample === "" || sample.startsWith("#")) return false;
    // Behind the labels, where there are any: a name has no blank in it.
    const brace = sample.lastIndexOf("}");
    const [, time = ""] = (brace < 0 ? sample.replace(/^\S+/, "") : sample.slice(brace + 1))
      .trim()
      .split(/\s+/);
    return !MILLISECONDS.test(time);
  });
  const message = "expected the sample's time in milliseconds, 13 digits, behind its value";
  return problem(headLine + at + 1, 1, message, lines[at] ?? "");
}

function problem(line: number, column: number, message: string, text: string): BlockProblem {
  const excerpt = text.length > MAX_EXCERPT ? `${text.slice(0, MAX_EXCERPT)}…` : text;
  return { line, column, message, excerpt };
}
