/**
 * The totals against a second reading of the design: everything is computed anew from all frames, for each
 * sample, with no state carried along. Values are integers, so that sums are exact in any order.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { dropping, session, shown, type Values } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import type { SampleValue } from "../series/series.ts";
import type { TotalSample } from "./sample-list.ts";
import { createTotals, type Totals } from "./totals.ts";

const INTERVAL_MS = 1000;
const project = dropping("screen");

interface Step {
  readonly grow: readonly number[];
  readonly waitMs: number;
  readonly reset: boolean;
  readonly shows: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  grow: fc.array(fc.nat(5), { minLength: 3, maxLength: 3 }),
  waitMs: fc.constantFrom(500, 1000, 1000, 2000, 5000),
  reset: fc.boolean(),
  /** Which of the optional series the frame has. */
  shows: fc.nat(7),
});

const run = fc.record({
  startMs: fc.nat(12).map((n) => n * 500),
  steps: fc.array(step, { maxLength: 6 }),
  starts: fc.boolean(),
  exits: fc.boolean(),
  bounds: fc.constantFrom<readonly string[]>(["1", "5", "+Inf"], ["2", "+Inf"], ["+Inf"]),
  flips: fc.boolean(),
});

const histories = fc.array(run, { minLength: 1, maxLength: 4 }).map((runs) =>
  inTime(
    runs.flatMap(({ startMs, steps, starts, exits, bounds, flips }, index) => {
      const own = session(`s${index}`, {
        startedMs: startMs,
        intervalMs: INTERVAL_MS,
        gauges: { g: { sessions: "sum", labels: "max" } },
      });
      const frames: Frame[] = [];
      if (starts) frames.push(own.start(startMs));
      else own.skip();
      const counts = [0, 0, 0];
      let atMs = startMs;
      steps.forEach(({ grow, waitMs, reset, shows }, i) => {
        atMs += waitMs;
        for (const k of [0, 1, 2]) counts[k] = (reset ? 0 : counts[k]!) + grow[k]!;
        const [a, b, c] = counts as [number, number, number];
        const values: Record<string, number> = { 'x_total{screen="a"}': a, flip: b };
        if (shows & 1) values['x_total{screen="b"}'] = b;
        if (shows & 2) values['g{screen="a"}'] = grow[1]!;
        if (shows & 4) values['g{screen="b"}'] = grow[2]!;
        bounds.forEach((bound, k) => {
          values[`h_bucket{le="${bound}"}`] = bound === "+Inf" ? a + b + c : k === 0 ? a : a + b;
        });
        values["h_sum"] = c;
        values["h_count"] = a + b + c;
        const types = { g: "gauge", h: "histogram", ...(flips && { flip: "gauge" as const }) } as const;
        frames.push(own.at(atMs, values, { types, exit: exits && i === steps.length - 1 }));
      });
      return frames;
    }),
  ),
);

function inTime(frames: readonly Frame[]): Frame[] {
  return [...frames].sort(
    (a, b) => a.header.writtenMs - b.header.writtenMs || (a.header.session < b.header.session ? -1 : 1),
  );
}

function instantsOf(frames: readonly Frame[]): Frame[][] {
  const instants = new Map<number, Frame[]>();
  for (const frame of frames) {
    const at = instants.get(frame.header.writtenMs);
    if (at) at.push(frame);
    else instants.set(frame.header.writtenMs, [frame]);
  }
  return [...instants.values()];
}

interface Row {
  readonly values: Values;
  readonly frame: Frame;
}

/** The rows of one family of one session up to `untilMs`, as far as the family's type was agreed on. */
function rowsOf(frames: readonly Frame[], id: string, family: string, untilMs: number): Row[] {
  return frames
    .filter(({ header }) => header.session === id && header.writtenMs <= untilMs && header.kind === "full")
    .flatMap((frame) => {
      const found = frame.families.find(({ name }) => name === family);
      if (found && typeOf(frames, family, frame) !== found.type) return [];
      if (family === "flip" && found?.type !== "counter") return [];
      const values = found?.series.map(({ name, labels }, i) => {
        const set = labels.map((label) => `${label.name}=${label.value}`).join();
        return [`${name} ${set}`, found.values[i]!] as const;
      });
      return [{ frame, values: Object.fromEntries(values ?? []) }];
    });
}

/** What the newest session up to and with this frame says. */
function typeOf(frames: readonly Frame[], family: string, until: Frame): string | undefined {
  const before = frames
    .slice(0, frames.indexOf(until) + 1)
    .filter((each) => each.families.some(({ name }) => name === family));
  const newest = before.reduce((best, each) =>
    each.info.startedMs > best.info.startedMs ||
    (each.info.startedMs === best.info.startedMs && each.header.session >= best.header.session)
      ? each
      : best,
  );
  return newest.families.find(({ name }) => name === family)?.type;
}

/** What one series of one session has counted; with `count`, a fall of that series is the reset. */
function growthOf(frames: readonly Frame[], rows: readonly Row[], key: string, count?: string): number {
  let growth = 0;
  let last: number | undefined;
  let lastCount: number | undefined;
  for (const { values, frame } of rows) {
    const value = values[key];
    if (value === undefined) continue;
    const isReset =
      count === undefined ? value < (last ?? 0) : lastCount !== undefined && values[count]! < lastCount;
    if (last === undefined) growth += countsFromZero(frames, frame) ? value : 0;
    else growth += isReset ? value : value - last;
    last = value;
    if (count !== undefined) lastCount = values[count]!;
  }
  return growth;
}

/** A start frame, or any frame before that had everything the session counted. */
function countsFromZero(frames: readonly Frame[], frame: Frame): boolean {
  return frames.some(
    ({ header }) => header.session === frame.header.session && header.seq < frame.header.seq,
  );
}

/** Every value that a destination sees at the instant, without the samples that precede new series. */
function expectedAt(frames: readonly Frame[], instant: readonly Frame[]): Map<string, number> {
  const atMs = instant[0]!.header.writtenMs;
  const sessions = [...new Set(frames.map(({ header }) => header.session))];
  const result = new Map<string, number>();
  const carries = (family: string) =>
    instant.some((frame) =>
      frame.families.some(({ name, type }) => name === family && type === typeOf(frames, family, frame)),
    );
  const sum = (family: string, key: RegExp, count?: string) => {
    let total = 0;
    for (const id of sessions) {
      const rows = rowsOf(frames, id, family, atMs);
      const keys = new Set(
        rows.flatMap(({ values }) => Object.keys(values)).filter((each) => key.test(each)),
      );
      for (const each of keys) total += growthOf(frames, rows, each, count);
    }
    return total;
  };
  if (carries("x_total")) result.set("x_total", sum("x_total", /^x_total /));
  if (carries("h")) {
    result.set("h_sum", sum("h", /^h_sum /, "h_count "));
    result.set("h_count", sum("h", /^h_count /, "h_count "));
    for (const [bound, total] of bucketsAt(frames, sessions, atMs))
      result.set(`h_bucket{le="${bound}"}`, total);
  }
  const flip = instant.find((frame) => frame.families.some(({ name }) => name === "flip"));
  if (flip && carries("flip")) {
    const type = typeOf(frames, "flip", instant.at(-1)!);
    if (type === "counter") result.set("flip", sum("flip", /^flip /));
  }
  const gauge = gaugeAt(frames, sessions, atMs);
  if (gauge !== undefined && instant.some((frame) => frame.families.some(({ name }) => name === "g")))
    result.set("g", gauge);
  return result;
}

function bucketsAt(frames: readonly Frame[], sessions: readonly string[], atMs: number): Map<string, number> {
  const own = sessions.map((id) => {
    const rows = rowsOf(frames, id, "h", atMs);
    const keys = new Set(
      rows.flatMap(({ values }) => Object.keys(values)).filter((each) => each.startsWith("h_bucket ")),
    );
    return [...keys].map((key) => {
      const bound = key.slice("h_bucket le=".length);
      return { bound, growth: growthOf(frames, rows, key, "h_count ") };
    });
  });
  const asNumber = (bound: string) => (bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound));
  const union = [...new Set(own.flat().map(({ bound }) => bound))].sort((a, b) => asNumber(a) - asNumber(b));
  return new Map(
    union.map((bound) => {
      const parts = own.map((buckets) => {
        const below = buckets.filter((each) => asNumber(each.bound) <= asNumber(bound));
        return below.reduce(
          (best, each) =>
            asNumber(each.bound) > best.at ? { at: asNumber(each.bound), growth: each.growth } : best,
          { at: Number.NEGATIVE_INFINITY, growth: 0 },
        ).growth;
      });
      return [bound, parts.reduce((a, b) => a + b, 0)];
    }),
  );
}

/** The sum over sessions that run of the greatest of what each shows. */
function gaugeAt(frames: readonly Frame[], sessions: readonly string[], atMs: number): number | undefined {
  const values = sessions.flatMap((id) => {
    const last = frames.filter(({ header }) => header.session === id && header.writtenMs <= atMs).at(-1);
    if (!last) return [];
    const { writtenMs, exit } = last.header;
    const runs = writtenMs === atMs || (!exit && atMs <= writtenMs + 2 * INTERVAL_MS);
    const family = last.families.find(({ name }) => name === "g");
    return runs && family ? [Math.max(...family.values)] : [];
  });
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);
}

/** What was emitted at the instant itself, by series. */
function emittedAt(list: Iterable<TotalSample>, atMs: number): Map<string, SampleValue> {
  const samples = [...list];
  const own = samples.filter(({ timestampMs, series }) => timestampMs === atMs && series.name !== "flip");
  const flips = samples.filter(
    (each) => each.timestampMs === atMs && each.series.name === "flip" && each.family.type === "counter",
  );
  return new Map(
    [...own, ...flips].map((sample) => [shown([sample])[0]!.split(" ").slice(1, -1).join(" "), sample.value]),
  );
}

test("each sample is what all frames up to it say", () => {
  fc.assert(
    fc.property(histories, (frames) => {
      const totals = createTotals({ project });
      for (const instant of instantsOf(frames)) {
        const samples = totals.step(instant);
        const atMs = instant[0]!.header.writtenMs;
        expect(Object.fromEntries([...emittedAt(samples, atMs)].sort())).toEqual(
          Object.fromEntries([...expectedAt(frames, instant)].sort()),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("no series has two samples of one instant, and each is new or later than its last", () => {
  fc.assert(
    fc.property(histories, (frames) => {
      const totals = createTotals({ project });
      const last = new Map<string, number>();
      for (const sample of instantsOf(frames).flatMap((instant) => [...totals.step(instant)])) {
        const key = shown([{ ...sample, timestampMs: 0, value: 0 }])[0]!;
        expect(sample.timestampMs).toBeGreaterThan(last.get(key) ?? Number.NEGATIVE_INFINITY);
        last.set(key, sample.timestampMs);
      }
      const latest = Array.from(
        totals.latest(),
        (sample) => shown([{ ...sample, timestampMs: 0, value: 0 }])[0]!,
      );
      expect(new Set(latest).size).toBe(latest.length);
    }),
    { numRuns: 300 },
  );
});

test("state that is stored and restored anywhere goes on to the last bit", () => {
  fc.assert(
    fc.property(histories, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (whole, restores) => {
      const frames = whole.map(withFractions);
      const never = createTotals({ project });
      let often: Totals = createTotals({ project });
      for (const [i, instant] of instantsOf(frames).entries()) {
        expect(shown(often.step(instant))).toEqual(shown(never.step(instant)));
        if (!restores[i]) continue;
        expect(shown(often.latest())).toEqual(shown(never.latest()));
        often = createTotals({ project, checkpoint: JSON.parse(JSON.stringify(often.checkpoint())) });
        expect(shown(often.latest())).toEqual(shown(never.latest()));
      }
    }),
    { numRuns: 300 },
  );
});

/** Thirds don't add up exactly: the order of a sum shows. */
function withFractions(frame: Frame): Frame {
  const families = frame.families.map((family) => ({ ...family, values: family.values.map((v) => v / 3) }));
  return { ...frame, families };
}

test("frames that come late are counted once, whichever sessions they are from", () => {
  fc.assert(
    fc.property(histories, fc.nat(15), (frames, mask) => {
      const isLate = ({ header }: Frame) => (mask & (1 << Number(header.session.slice(1)))) !== 0;
      // A type is agreed on in order of time, so late frames may see another verdict.
      const plain = frames.map((frame) => ({
        ...frame,
        families: frame.families.filter(({ name }) => name !== "flip"),
      }));
      const totals = createTotals({ project });
      const held = new Map<string, SampleValue>();
      const keep = (samples: Iterable<TotalSample>) => {
        for (const sample of samples)
          held.set(shown([{ ...sample, timestampMs: 0, value: 0 }])[0]!, sample.value);
      };
      for (const instant of instantsOf(plain.filter((frame) => !isLate(frame)))) keep(totals.step(instant));
      for (const frame of plain.filter(isLate)) totals.fold(frame, { late: true });
      keep(totals.settleLate(1_000_000));
      const whole = createTotals({ project });
      for (const instant of instantsOf(plain)) whole.step(instant);
      for (const sample of whole.latest()) {
        if (sample.series.name === "g") continue;
        expect(held.get(shown([{ ...sample, timestampMs: 0, value: 0 }])[0]!)).toBe(sample.value);
      }
    }),
    { numRuns: 300 },
  );
});

test("frames folded up to any point leave the state that their steps would have left", () => {
  fc.assert(
    fc.property(histories, fc.nat(24), (whole, cut) => {
      const instants = instantsOf(whole.map(withFractions));
      const stepped = createTotals({ project });
      let folded: Totals = createTotals({ project });
      for (const [i, instant] of instants.entries()) {
        const samples = shown(stepped.step(instant));
        if (i < cut) for (const frame of instant) folded.fold(frame, { late: false });
        else expect(shown(folded.step(instant))).toEqual(samples);
        if (i === cut) folded = createTotals({ project, checkpoint: folded.checkpoint() });
      }
      expect(shown(folded.latest())).toEqual(shown(stepped.latest()));
    }),
    { numRuns: 300 },
  );
});
