/**
 * The app's name where the file does not say it: the last hidden folder on the way to the journal,
 * so that `~/.k1/metrics` belongs to `k1`; else `promferry`.
 */
export function appNameOf(metricsDir: string): string {
  const segments = metricsDir.split(/[\\/]/);
  for (const segment of segments.reverse()) {
    const match = /^\.([A-Za-z][A-Za-z0-9_-]*)$/.exec(segment);
    if (match) return match[1]!;
  }
  return "promferry";
}
