import type { Refusal } from "@promferry/core/delivery";
import {
  type FamilyMetadata,
  type MetricFamily,
  type NativeHistogram,
  type SampleValue,
  type Series,
  seriesKey,
} from "@promferry/core/series";
import { type GroupingKey, type GroupingOptions, groupingPath, seriesGroupingKey } from "./grouping.ts";
import { createRefusals } from "./refusals.ts";

/** The newest value of one series; `null`: the series has ended. */
export interface LatestValue {
  readonly series: Series;
  readonly family: FamilyMetadata;
  readonly value: Exclude<SampleValue, NativeHistogram>;
}

/** Everything that goes to one group. */
export interface Group {
  /** From `/metrics/job` on; groups are told apart by it. */
  readonly path: string;
  /** Without timestamps, and without the labels that the group adds. Empty: every series has ended. */
  readonly families: readonly MetricFamily[];
  /** Series that belong here and have ended. */
  readonly endedCount: number;
}

export interface SplitGroups {
  readonly groups: readonly Group[];
  /** What cannot go to a Pushgateway, one entry a rule; one count a series. */
  readonly refused: readonly Refusal[];
}

interface OpenGroup {
  readonly path: string;
  readonly families: Map<string, OpenFamily>;
  readonly keys: Set<string>;
  endedCount: number;
}

interface OpenFamily extends FamilyMetadata {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
}

/**
 * Sorts series into groups; groups and families stay in the order in which they first appear.
 *
 * A series is refused where the gateway would overwrite one of its labels with another value, where
 * it has no job, and where it equals another one once its grouping labels are gone.
 */
export function splitGroups(latest: Iterable<LatestValue>, options: GroupingOptions): SplitGroups {
  const groups = new Map<string, OpenGroup>();
  const refusals = createRefusals();

  for (const { series, family, value } of latest) {
    const key = seriesGroupingKey(options, series);
    const fault = faultOf(series, key);
    if (fault !== undefined) {
      refusals.add(fault, series.name, 1);
      continue;
    }
    const path = groupingPath(key);
    let group = groups.get(path);
    if (!group) {
      group = { path, families: new Map(), keys: new Set(), endedCount: 0 };
      groups.set(path, group);
    }
    if (value === null) {
      group.endedCount++;
      continue;
    }
    const stripped = withoutGroupingLabels(series, key);
    const identity = seriesKey(stripped.name, stripped.labels);
    if (group.keys.has(identity)) {
      refusals.add("a series equals another one of its group", series.name, 1);
      continue;
    }
    group.keys.add(identity);
    append(group, family, stripped, value);
  }
  return {
    groups: [...groups.values()].map(({ path, families, endedCount }) => ({
      path,
      families: [...families.values()],
      endedCount,
    })),
    refused: refusals.list(),
  };
}

function append(group: OpenGroup, family: FamilyMetadata, series: Series, value: number): void {
  let open = group.families.get(family.name);
  if (!open) {
    const { name, type, help, unit } = family;
    open = { name, type, help, unit, series: [], values: [], timestampsMs: [] };
    group.families.set(name, open);
  }
  open.series.push(series);
  open.values.push(value);
  open.timestampsMs.push(Number.NaN);
}

function faultOf(series: Series, key: GroupingKey): string | undefined {
  if (key[0]?.[1] === "") return "a series has no label to take its job from";
  for (const [name, value] of key) {
    const own = series.labels.find((label) => label.name === name);
    if (own && own.value !== value) {
      return `the label ${name} would be overwritten by that of the group`;
    }
  }
  return undefined;
}

function withoutGroupingLabels(series: Series, key: GroupingKey): Series {
  const labels = series.labels.filter((label) => !key.some(([name]) => name === label.name));
  return labels.length === series.labels.length ? series : { name: series.name, labels };
}
