import type { ReadFrame } from "../frame-reader.ts";

/** `series@time`, to value. */
export type SampleSet = ReadonlyMap<string, number>;

/**
 * What a destination that gets these frames in the order of their time must end up with: written from
 * the definition of design 5, for programs of `createProgram`, without any code of the product.
 *
 * @param frames In order of time.
 */
export function expectedSamples(frames: readonly ReadFrame[]): Map<string, number> {
  const samples = new Map<string, number>();
  const totals = createTally();
  for (let i = 0; i < frames.length; ) {
    const atMs = frames[i]!.writtenMs;
    const began = new Map<string, number | undefined>();
    for (; frames[i]?.writtenMs === atMs; i++) totals.take(frames[i]!, began);
    for (const [series, previousMs] of began) {
      const isNew = !totals.shown.has(series) && series !== "app_level";
      if (isNew && previousMs !== undefined) samples.set(`${series}@${Math.min(previousMs, atMs - 1)}`, 0);
      totals.shown.add(series);
      samples.set(`${series}@${atMs}`, totals.of(series));
    }
  }
  return samples;
}

/** Each series' last total: what holds however late a frame came. Gauges have none. */
export function expectedTotals(frames: readonly ReadFrame[]): Map<string, number> {
  const totals = createTally();
  const touched = new Map<string, number | undefined>();
  for (const frame of frames) totals.take(frame, touched);
  touched.delete("app_level");
  return new Map([...touched.keys()].map((series) => [series, totals.of(series)]));
}

function createTally() {
  const grown = new Map<string, number>();
  const last = new Map<string, Map<string, number>>();
  const lastMs = new Map<string, number>();
  const firstMs = new Map<string, number>();
  const shown = new Set<string>();
  let level = { value: 0, atMs: 0, startedMs: 0 };
  return {
    shown,
    of: (series: string) => (series === "app_level" ? level.value : (grown.get(series) ?? 0)),
    /** @param touched Gets each series, and the time of its session's frame before. */
    take({ session, writtenMs, whole, samples }: ReadFrame, touched: Map<string, number | undefined>): void {
      const isKnown = last.has(session);
      const before = last.get(session) ?? new Map<string, number>();
      last.set(session, before);
      const startedMs = firstMs.get(session) ?? writtenMs;
      firstMs.set(session, startedMs);
      const isReset = (samples.get("app_seconds_count") ?? 0) < (before.get("app_seconds_count") ?? 0);
      for (const [series, value] of samples) {
        if (!touched.has(series)) touched.set(series, isKnown ? lastMs.get(session) : undefined);
        const known = before.get(series);
        before.set(series, value);
        if (series === "app_level") {
          // Of two sessions at one instant the one that started later counts.
          const counts = writtenMs > level.atMs || startedMs >= level.startedMs;
          if (counts) level = { value, atMs: writtenMs, startedMs };
        } else if (known === undefined) add(series, before.has("from zero") ? value : 0);
        else if (series.startsWith("app_seconds")) add(series, isReset ? value : value - known);
        else add(series, value < known ? value : value - known);
      }
      // What a whole frame doesn't have has not begun yet: it will count from zero.
      if (whole) before.set("from zero", 1);
      lastMs.set(session, writtenMs);
    },
  };

  function add(series: string, by: number): void {
    grown.set(series, (grown.get(series) ?? 0) + by);
  }
}

/** Says where two sets differ; undefined where they don't. */
export function differenceOf(actual: SampleSet, expected: SampleSet): string | undefined {
  const wrong: string[] = [];
  for (const [id, value] of expected) {
    if (!actual.has(id)) wrong.push(`${id} is missing (${value})`);
    else if (!Object.is(actual.get(id), value)) wrong.push(`${id} is ${actual.get(id)}, expected ${value}`);
  }
  for (const [id, value] of actual) if (!expected.has(id)) wrong.push(`${id} = ${value} was not expected`);
  if (wrong.length === 0) return undefined;
  return `${wrong.length} of ${expected.size} samples differ: ${wrong.slice(0, 4).join("; ")}`;
}
