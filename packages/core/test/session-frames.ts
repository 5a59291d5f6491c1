/** Frames written by hand, for tests of the totals: no journal, no codec. */

import type { Frame, FrameKind, FrameOrigin, SessionInfo } from "../src/journal/frame.ts";
import type { Projection } from "../src/merge/projection.ts";
import type { TotalSample } from "../src/merge/sample-list.ts";
import { createSeriesDictionary } from "../src/series/dictionary.ts";
import type { MetricFamily, MetricType } from "../src/series/series.ts";

/** Values by series, the series as `name` or `name{a="1",b="2"}`. */
export type Values = Readonly<Record<string, number>>;

export interface FrameOptions {
  readonly kind?: FrameKind;
  readonly exit?: boolean;
  /** Default false. */
  readonly partial?: boolean;
  /** By family name; what is not named is a counter. */
  readonly types?: Readonly<Record<string, MetricType>>;
}

export interface HandSession {
  start(writtenMs: number): Frame;
  at(writtenMs: number, values: Values, more?: FrameOptions): Frame;
  /** Leaves out a number, as after a lost frame. */
  skip(): void;
}

const dictionary = createSeriesDictionary();

/** A session whose frames are numbered as they are asked for. */
export function session(
  id: string,
  options: { origin?: FrameOrigin; startedMs?: number; intervalMs?: number } & Partial<SessionInfo> = {},
): HandSession {
  const { origin = "app", startedMs = 0, intervalMs = 1000, ...rest } = options;
  const info: SessionInfo = { startedMs, intervalMs, ...rest };
  let seq = 0;
  return {
    start: (writtenMs) => frame(writtenMs, {}, { kind: "start" }),
    at: (writtenMs, values, more = {}) => frame(writtenMs, values, more),
    skip: () => void seq++,
  };

  function frame(
    writtenMs: number,
    values: Values,
    { kind = "full", exit = false, types = {}, partial = false }: FrameOptions,
  ): Frame {
    return {
      header: { writtenMs, session: id, seq: seq++, kind, origin, consent: "config", exit },
      info,
      families: familiesOf(values, types),
      ...(partial && { partial }),
    };
  }
}

/** Samples as `time series value`, the stale marker as `stale`. */
export function shown(samples: Iterable<TotalSample>): string[] {
  return Array.from(samples, ({ series, timestampMs, value }) => {
    const labels = series.labels.map(({ name, value: text }) => `${name}="${text}"`).join(",");
    return `${timestampMs} ${series.name}${labels && `{${labels}}`} ${value ?? "stale"}`;
  });
}

/** Leaves every series as it is. */
export const asItIs: Projection = ({ name, labels }) => ({ name, labels });

/** Takes labels away. */
export function dropping(...names: string[]): Projection {
  return ({ name, labels }) => ({ name, labels: labels.filter((label) => !names.includes(label.name)) });
}

function familiesOf(values: Values, types: Readonly<Record<string, MetricType>>): MetricFamily[] {
  const families = new Map<string, { series: MetricFamily["series"][number][]; values: number[] }>();
  for (const [text, value] of Object.entries(values)) {
    const { name, labels } = parseSeries(text);
    const family = Object.keys(types).find((each) => name === each || name.startsWith(`${each}_`)) ?? name;
    const columns = families.get(family) ?? { series: [], values: [] };
    families.set(family, columns);
    columns.series.push(dictionary.intern(name, labels));
    columns.values.push(value);
  }
  return [...families].map(([name, columns]) => ({
    name,
    type: types[name] ?? "counter",
    help: "",
    unit: "",
    ...columns,
    timestampsMs: columns.values.map(() => Number.NaN),
  }));
}

function parseSeries(text: string): { name: string; labels: { name: string; value: string }[] } {
  const [, name, inner = ""] = /^([^{]+)(?:\{(.*)\})?$/.exec(text) ?? [];
  if (name === undefined) throw new RangeError(`no series: ${text}`);
  const labels = [...inner.matchAll(/(\w+)="([^"]*)"/g)].map((match) => ({
    name: match[1]!,
    value: match[2]!,
  }));
  return { name, labels };
}
