/**
 * Three days of a program that somebody runs in their terminal: runs that overlap, are killed, are
 * started again, change version and end past midnight.
 *
 * What a run shows at each of its frames is drawn from a seed. Nothing here knows how frames are
 * written, read or merged.
 */

/** A series as `name` or `name{a="1"}`, labels sorted; values as numbers that doubles hold exactly. */
export type Page = ReadonlyMap<string, number>;

export interface RunFrame {
  readonly atMs: number;
  readonly page: Page;
}

export interface Run {
  /** Eight hexadecimal digits, ascending with the order of runs. */
  readonly session: string;
  readonly version: string;
  readonly startedMs: number;
  readonly frames: readonly RunFrame[];
  /** Whether the last frame is written on exit; otherwise the run was killed after it. */
  readonly exits: boolean;
}

export const INTERVAL_MS = 300_000;
const BOUNDS = [0.125, 0.5, 2] as const;

const SCREENS = ["pods", "deployments", "nodes", "services"];

/** The runs of the three days before `endMs`, ordered by start. */
export function threeDaysOfRuns(endMs: number, seed: number): readonly Run[] {
  const random = mulberry32(seed);
  const beginMs = endMs - 3 * 86_400_000;
  const runs: Run[] = [];
  let startedMs = beginMs;
  while (startedMs < endMs - 4 * 3_600_000) {
    const version = startedMs < beginMs + 86_400_000 * 1.4 ? "v1" : "v2";
    const exits = random() < 0.6;
    const frameCount = 1 + Math.floor(random() * 40);
    runs.push(drawRun(random, { index: runs.length, startedMs, version, frameCount, exits }));
    // Often before the last run has ended: two terminals.
    startedMs += Math.floor((0.2 + random() * 3) * 3_600_000);
  }
  return runs;
}

interface RunPlan {
  readonly index: number;
  readonly startedMs: number;
  readonly version: string;
  readonly frameCount: number;
  readonly exits: boolean;
}

function drawRun(random: () => number, { index, startedMs, version, frameCount, exits }: RunPlan): Run {
  const counts = new Map<string, number>();
  const add = (series: string, by: number): void => void counts.set(series, (counts.get(series) ?? 0) + by);
  const frames: RunFrame[] = [];
  let atMs = startedMs;
  for (let i = 0; i < frameCount; i++) {
    const isLast = i === frameCount - 1;
    atMs +=
      isLast && exits ? 1 + Math.floor(random() * INTERVAL_MS) : INTERVAL_MS + Math.floor(random() * 1000);
    for (let views = Math.floor(random() * 4); views > 0; views--) {
      const screen = SCREENS[Math.floor(random() ** 2 * SCREENS.length)];
      add(`k1_screen_views_total{screen="${screen}"}`, 1);
      // Eighths, so that sums are exact whatever their order.
      observe(add, screen ?? "", Math.ceil(random() * 24) / 8);
    }
    const gauges = new Map([
      ["k1_terminal_width", 80 + Math.floor(random() * 120)],
      ['k1_informer_objects_cached{resource="pods"}', Math.floor(random() * 500)],
    ]);
    frames.push({ atMs, page: new Map([...counts, ...gauges]) });
  }
  return { session: (0xa000_0000 + index).toString(16), version, startedMs, frames, exits };
}

function observe(add: (series: string, by: number) => void, screen: string, seconds: number): void {
  const name = "k1_screen_render_duration_seconds";
  for (const bound of BOUNDS) {
    add(`${name}_bucket{le="${bound}",screen="${screen}"}`, seconds <= bound ? 1 : 0);
  }
  add(`${name}_bucket{le="+Inf",screen="${screen}"}`, 1);
  add(`${name}_sum{screen="${screen}"}`, seconds);
  add(`${name}_count{screen="${screen}"}`, 1);
}

/** A small seeded generator of numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
