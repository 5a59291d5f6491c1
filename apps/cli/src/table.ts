const GAP = "  ";
/** No column is made narrower than this to fit. */
const LEAST = 8;

/**
 * Rows as lines with their columns under each other. Where the lines would be wider than `width`, the widest columns give way, and what is cut ends
 * in `…`; the last column is never padded.
 *
 * @param width Characters of the terminal; `undefined`: as wide as it takes, as for a pipe.
 */
export function tableLines(rows: readonly (readonly string[])[], width: number | undefined): string[] {
  // Not `Math.max(...)`: a call takes some 100,000 arguments, and a fleet has more rows.
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const widths = Array.from({ length: columns }, (_, i) =>
    rows.reduce((most, row) => Math.max(most, charactersOf(row[i] ?? "").length), 0),
  );
  const gaps = GAP.length * Math.max(0, columns - 1);
  for (let over = sum(widths) + gaps - (width ?? Number.POSITIVE_INFINITY); over > 0; ) {
    const widest = widths.indexOf(Math.max(...widths));
    const next = Math.max(LEAST, ...widths.filter((_, i) => i !== widest));
    const now = widths[widest]!;
    const by = Math.min(over, Math.max(1, now - next));
    if (now - by < LEAST) break;
    widths[widest] = now - by;
    over -= by;
  }
  return rows.map((row) =>
    row
      .map((cell, i) => fit(cell, widths[i]!, i === row.length - 1))
      .join(GAP)
      .trimEnd(),
  );
}

function fit(cell: string, width: number, isLast: boolean): string {
  const characters = charactersOf(cell);
  if (characters.length > width) return `${characters.slice(0, width - 1).join("")}…`;
  return isLast ? cell : cell + " ".repeat(width - characters.length);
}

/** By code point, so that nothing is cut in two. */
function charactersOf(text: string): string[] {
  return [...text];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
