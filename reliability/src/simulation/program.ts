import type { MetricFamily, Series } from "@promferry/core/series";
import type { Random } from "../random.ts";

/** A program with metrics: what it has counted follows from its seed alone. */
export interface Program {
  /** Does some work; now and then starts counting from zero again. */
  work(): void;
  /** As a journal's writer takes them; the same series objects each time. */
  families(): MetricFamily[];
  /** Sample line up to the value, to value. What the oracles go by. */
  state(): Map<string, number>;
}

const KINDS = ["a", "b", "c", "d", "e", "f"];
const BOUNDS = ["0.1", "1", "+Inf"];

/**
 * @param random Of this program only.
 * @param options `resets`: how often `work` starts from zero. `kinds`: series of the counter.
 */
export function createProgram(
  random: Random,
  { resets = 0.1, kinds = KINDS.length }: { readonly resets?: number; readonly kinds?: number } = {},
): Program {
  const events = Array.from({ length: kinds }, (_, i) => ({
    series: seriesOf("app_events_total", { kind: KINDS[i] ?? `k${i}` }),
    count: undefined as number | undefined,
  }));
  const buckets = BOUNDS.map((le) => ({ series: seriesOf("app_seconds_bucket", { le }), count: 0 }));
  const sum = { series: seriesOf("app_seconds_sum"), count: 0 };
  const count = { series: seriesOf("app_seconds_count"), count: 0 };
  const level = { series: seriesOf("app_level"), count: 0 };

  function work(): void {
    const begins = count.count > 0 && random.chance(resets);
    if (begins) for (const each of [...events, ...buckets, sum, count]) each.count &&= 0;
    // A reset that grows beyond what was there before can't be seen by anyone.
    for (const event of begins ? [] : events) {
      if (random.chance(0.5)) event.count = (event.count ?? 0) + random.between(1, 20);
    }
    for (let observed = begins ? 0 : random.between(0, 3); observed > 0; observed--) {
      const bound = random.between(0, BOUNDS.length - 1);
      for (const bucket of buckets.slice(bound)) bucket.count++;
      sum.count += bound + 1;
      count.count++;
    }
    level.count = random.between(-50, 50);
  }

  const shown = () => events.filter((event) => event.count !== undefined);
  return {
    work,
    families: () => [
      family("app_events_total", "counter", shown()),
      family("app_seconds", "histogram", [...buckets, sum, count]),
      family("app_level", "gauge", [level]),
    ],
    state: () =>
      new Map(
        [...shown(), ...buckets, sum, count, level].map((each) => [textOf(each.series), each.count ?? 0]),
      ),
  };
}

function family(
  name: string,
  type: MetricFamily["type"],
  rows: readonly { readonly series: Series; readonly count: number | undefined }[],
): MetricFamily {
  return {
    name,
    type,
    help: `What ${name} says.`,
    unit: "",
    series: rows.map(({ series }) => series),
    values: rows.map((row) => row.count ?? 0),
    timestampsMs: rows.map(() => Number.NaN),
  };
}

function seriesOf(name: string, labels: Readonly<Record<string, string>> = {}): Series {
  return { name, labels: Object.entries(labels).map(([label, value]) => ({ name: label, value })) };
}

/** A series as a sample line has it: labels in their order, nothing in need of escapes. */
export function textOf({ name, labels }: Series): string {
  if (labels.length === 0) return name;
  return `${name}{${labels.map((label) => `${label.name}="${label.value}"`).join(",")}}`;
}
