/**
 * The app's name where the file does not say it: the last hidden folder on the way to the journal,
 * so that `~/.k1/metrics` belongs to `k1`; else `promferry`.
 *
 * @param dirs Of the journal, as they were written; the first one with a hidden folder decides.
 */
export function appNameOf(...dirs: readonly string[]): string {
  for (const segment of dirs.flatMap((dir) => dir.split(/[\\/]/).reverse())) {
    const match = /^\.([A-Za-z][A-Za-z0-9_-]*)$/.exec(segment);
    if (match) return match[1]!;
  }
  return "promferry";
}
