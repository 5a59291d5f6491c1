import type { Label } from "@promferry/core/series";

/**
 * A page's labels with those of its target, in no order. Where both have one of a name the target's
 * counts and the page's is kept under `exported_…`, or with `honorLabels` the page's counts, an empty one
 * too. The result has no empty values. (Prometheus, `honor_labels`.)
 *
 * @param labels Of the page; may have empty values.
 * @param own Of the target.
 */
export function withTargetLabels(
  labels: readonly Label[],
  own: readonly Label[],
  honorLabels: boolean,
): readonly Label[] {
  const joined = new Map<string, string>();
  for (const { name, value } of labels) joined.set(name, value);
  if (honorLabels) {
    for (const { name, value } of own) if (!joined.has(name)) joined.set(name, value);
    return nonEmpty(joined);
  }
  const conflicting: Label[] = [];
  for (const { name, value } of own) {
    const theirs = joined.get(name);
    if (theirs) conflicting.push({ name, value: theirs });
    joined.set(name, value);
  }
  // The shortest first, so that names which were exported before don't take the place of others.
  conflicting.sort((a, b) => a.name.length - b.name.length);
  for (const { name, value } of conflicting) {
    let exported = `exported_${name}`;
    while (joined.get(exported)) exported = `exported_${exported}`;
    joined.set(exported, value);
  }
  return nonEmpty(joined);
}

function nonEmpty(labels: ReadonlyMap<string, string>): Label[] {
  const kept: Label[] = [];
  for (const [name, value] of labels) if (value !== "") kept.push({ name, value });
  return kept;
}
