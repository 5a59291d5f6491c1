/** A fenced block of a Markdown file. */
export interface MarkdownBlock {
  /** First word after the fence, `ts` for example; empty when there is none. */
  readonly language: string;
  /** The words after the language. */
  readonly attributes: readonly string[];
  readonly code: string;
  /** Line of the block's first line of code, 1 for the file's first. */
  readonly line: number;
}

/**
 * The fenced blocks of a Markdown file, those inside quotations and lists included.
 *
 * @see CommonMark 0.31, "Fenced code blocks"
 */
export function markdownBlocks(markdown: string): readonly MarkdownBlock[] {
  const blocks: MarkdownBlock[] = [];
  let open: { fence: string; prefix: string; info: string[]; line: number; code: string[] } | undefined;
  for (const [i, text] of markdown.split(/\r?\n/).entries()) {
    if (open === undefined) {
      const [, prefix = "", fence = "", info = ""] = /^([\s>]*)(`{3,}|~{3,})([^`]*)$/.exec(text) ?? [];
      if (fence !== "") open = { fence, prefix, info: info.trim().split(/\s+/), line: i + 2, code: [] };
      continue;
    }
    const line = withoutPrefix(text, open.prefix);
    if (line.trim().startsWith(open.fence) && line.trim() === open.fence[0]?.repeat(line.trim().length)) {
      const [language = "", ...attributes] = open.info;
      blocks.push({ language, attributes, code: `${open.code.join("\n")}\n`, line: open.line });
      open = undefined;
    } else {
      open.code.push(line);
    }
  }
  return blocks;
}

/** An empty line may lack the blanks of its neighbours. */
function withoutPrefix(line: string, prefix: string): string {
  return line.startsWith(prefix) ? line.slice(prefix.length) : line.replace(/^[\s>]*/, "");
}
