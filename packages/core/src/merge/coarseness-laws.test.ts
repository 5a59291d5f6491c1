/** What holds of coarse totals whatever programs do. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { give, stepsOf } from "../../test/coarse-steps.ts";
import { dropping, session, shown, type Values } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import { type Coarseness, coarsely } from "./coarseness.ts";
import type { TotalSample } from "./sample-list.ts";
import { createTotals } from "./totals.ts";

const types = { h: "histogram", s: "summary", g: "gauge" } as const;

const step = fc.record({
  grow: fc.array(fc.nat(4), { minLength: 3, maxLength: 3 }),
  waitMs: fc.constantFrom(1, 500, 1000, 1700, 5000),
  /** Whether it begins at 0 again: all counts fall, so that it can be told. */
  resets: fc.boolean(),
  /** Which of the optional series the frame has. */
  shows: fc.nat(3),
});

const run = fc.record({
  startMs: fc.nat(12_000),
  steps: fc.array(step, { maxLength: 8 }),
  starts: fc.boolean(),
  exits: fc.boolean(),
  version: fc.constantFrom("1", "2"),
});

const histories = fc.array(run, { minLength: 1, maxLength: 4 }).map((runs) =>
  runs
    .flatMap(({ startMs, steps, starts, exits, version }, index) => {
      const own = session(`s${index}`, { startedMs: startMs, intervalMs: 1000, version });
      const frames: Frame[] = starts ? [own.start(startMs)] : [];
      let counts = [0, 0, 0];
      let atMs = startMs;
      steps.forEach(({ grow, waitMs, resets, shows }, i) => {
        atMs += waitMs;
        counts = counts.map((count, k) => (resets ? 0 : count + grow[k]!));
        const [a, b, c] = counts as [number, number, number];
        const values: Record<string, number> = { 'x_total{screen="a"}': a, g: grow[0]! };
        if (shows & 1) values['x_total{screen="b"}'] = b;
        if (shows & 2) Object.assign(values, { y_total: c + 0.5 });
        Object.assign(values, {
          'h_bucket{le="1"}': a,
          'h_bucket{le="+Inf"}': a + b,
          h_sum: c / 4,
          h_count: a + b,
          's{quantile="0.5"}': 0.5,
          s_sum: c,
          s_count: b,
        } satisfies Values);
        frames.push(own.at(atMs, values, { types, exit: exits && i === steps.length - 1 }));
      });
      return frames;
    })
    .sort((a, b) => a.header.writtenMs - b.header.writtenMs),
);

const coarsenesses: fc.Arbitrary<Coarseness> = fc
  .record({
    roundCounts: fc.constantFrom(undefined, 2, 5, 10),
    minimumCount: fc.constantFrom(undefined, 2, 4, 7),
    timeStepMs: fc.constantFrom(undefined, 1000, 4000),
  })
  .map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)));

const project = dropping("screen");

function samplesOf(frames: readonly Frame[], coarseness: Coarseness): TotalSample[] {
  const totals = createTotals({ project: coarsely(project, coarseness) });
  return stepsOf(frames, coarseness).flatMap((each) => give(totals, each));
}

const isCount = ({ series: { name } }: TotalSample) => /_(total|bucket|count)$/.test(name);
const keyOf = ({ series: { name, labels } }: TotalSample) =>
  `${name}${labels.map(({ value }) => ` ${value}`).join("")}`;

function bySeries(samples: readonly TotalSample[]): Map<string, TotalSample[]> {
  const all = new Map<string, TotalSample[]>();
  for (const sample of samples) all.set(keyOf(sample), [...(all.get(keyOf(sample)) ?? []), sample]);
  return all;
}

function holds(
  law: (samples: readonly TotalSample[], coarseness: Coarseness, frames: readonly Frame[]) => void,
): void {
  fc.assert(
    fc.property(histories, coarsenesses, (frames, coarseness) =>
      law(samplesOf(frames, coarseness), coarseness, frames),
    ),
    { numRuns: 300 },
  );
}

test("counts never fall, and times of a series strictly ascend", () => {
  holds((samples) => {
    for (const own of bySeries(samples).values()) {
      own.forEach((sample, i) => {
        const before = own[i - 1];
        if (before === undefined) return;
        expect(sample.timestampMs).toBeGreaterThan(before.timestampMs);
        const values = [before.value, sample.value];
        if (isCount(sample) && values.every((value) => typeof value === "number"))
          expect(values[1]).toBeGreaterThanOrEqual(values[0] as number);
      });
    }
  });
});

test("counts are multiples of what they are rounded to, and nothing beside them tells more", () => {
  holds((samples, { roundCounts }) => {
    if (roundCounts === undefined) return;
    for (const sample of samples) {
      if (isCount(sample) && sample.value !== null) expect((sample.value as number) % roundCounts).toBe(0);
      expect(sample.series.name).not.toMatch(/_sum$|^s$/);
    }
  });
});

test("no count lies between 0 and the minimum, and a series shows with its 0 or at once with enough", () => {
  holds((samples, { minimumCount = 0 }) => {
    for (const sample of samples) {
      if (isCount(sample) && sample.value !== null && sample.value !== 0)
        expect(sample.value).toBeGreaterThanOrEqual(minimumCount);
    }
    for (const own of bySeries(samples).values()) {
      const [first, second] = own.filter(
        (sample) => isCount(sample) && !keyOf(sample).startsWith("h_bucket"),
      );
      if (minimumCount > 0 && first?.value === 0) expect(second?.value).toBeGreaterThanOrEqual(minimumCount);
    }
  });
});

test("all times are multiples of the step", () => {
  holds((samples, { timeStepMs }) => {
    for (const { timestampMs } of samples)
      if (timeStepMs !== undefined) expect(timestampMs % timeStepMs).toBe(0);
  });
});

test("buckets are in order, and the last one is the count", () => {
  holds((samples) => {
    const at = new Map<string, number>();
    for (const sample of samples) at.set(`${keyOf(sample)} ${sample.timestampMs}`, sample.value as number);
    for (const { series, timestampMs } of samples) {
      if (series.name !== "h_count") continue;
      const [low, all, count] = ["h_bucket 1", "h_bucket +Inf", "h_count"].map((key) =>
        at.get(`${key} ${timestampMs}`),
      );
      expect(all).toBe(count);
      expect(low!).toBeLessThanOrEqual(all!);
    }
  });
});

test("coarse counts are the exact ones of the step's end, made coarse: none is lost", () => {
  holds((samples, coarseness, frames) => {
    const { roundCounts, minimumCount = 0, timeStepMs = 0 } = coarseness;
    const rounded = (total: number) => (roundCounts === undefined ? total : total - (total % roundCounts));
    const exact = bySeries(samplesOf(frames, {}));
    for (const [key, own] of bySeries(samples)) {
      if (!isCount(own[0]!)) continue;
      for (const { timestampMs, value } of own) {
        if (value === null || value === 0) continue;
        const upTo = exact
          .get(key)!
          .filter((each) => each.value !== null && each.timestampMs < timestampMs + (timeStepMs > 0 ? 0 : 1));
        const last = upTo.at(-1)!.value as number;
        expect(value).toBe(rounded(last));
      }
      const [newest] = exact.get(key)!.slice(-1);
      if (newest?.value === null) continue;
      const total = newest!.value as number;
      expect(own.at(-1)!.value).toBe(rounded(total) < minimumCount ? 0 : rounded(total));
    }
  });
});

test("where uploads are cut makes no difference, whether the totals are stored or folded again", () => {
  fc.assert(
    fc.property(histories, coarsenesses, fc.nat(20), fc.boolean(), (frames, coarseness, cut, stores) => {
      const steps = stepsOf(frames, coarseness);
      const first = createTotals({ project: coarsely(project, coarseness) });
      const before = steps.slice(0, cut).flatMap((each) => give(first, each));
      const checkpoint = stores ? JSON.parse(JSON.stringify(first.checkpoint())) : undefined;
      const second = createTotals({ project: coarsely(project, coarseness), ...(stores && { checkpoint }) });
      if (!stores) for (const frame of steps.slice(0, cut).flat()) second.fold(frame, { late: false });
      const after = steps.slice(cut).flatMap((each) => give(second, each));
      expect(shown([...before, ...after])).toEqual(shown(samplesOf(frames, coarseness)));
    }),
    { numRuns: 500 },
  );
});
