import type { Series } from "@promferry/core/series";
import { labelValue } from "@promferry/core/series";

/** A fixed value, or the one that each series has under a label of its own. */
export type GroupingValue = string | { readonly label: string };

/** What decides the group of a series. */
export interface GroupingOptions {
  /** Value of the label `job`. */
  readonly job: GroupingValue;
  /**
   * Further grouping labels by name. With a `{ label }` the series are pushed to one group for each
   * distinct value. An empty value is left out of the key. Default: none.
   */
  readonly grouping?: Readonly<Record<string, GroupingValue>>;
}

/** A grouping key: `job` first, then by name; no empty value. */
export type GroupingKey = readonly (readonly [name: string, value: string])[];

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * @throws {TypeError} The job is empty, or a grouping label has a name that the gateway refuses.
 */
export function checkGrouping({ job, grouping = {} }: GroupingOptions): void {
  if (job === "") throw new TypeError("job must not be empty: a Pushgateway takes no group without a job");
  for (const name of Object.keys(grouping)) {
    if (name === "job") throw new TypeError("job is a setting of its own, not a grouping label");
    if (!LABEL_NAME.test(name) || name.startsWith("__")) {
      throw new TypeError(
        `grouping label ${JSON.stringify(name)} must match ${LABEL_NAME.source} and not begin with __`,
      );
    }
  }
}

/**
 * The group that a series belongs to.
 *
 * @param valueFor Gives the values for `{ label }`; the empty string where there is none.
 */
function groupingKey(
  { job, grouping = {} }: GroupingOptions,
  valueFor: (label: string) => string,
): GroupingKey {
  const resolve = (value: GroupingValue) => (typeof value === "string" ? value : valueFor(value.label));
  const key: [string, string][] = [["job", resolve(job)]];
  for (const name of Object.keys(grouping).sort()) {
    const value = resolve(grouping[name] ?? "");
    // An explicitly empty `instance` in one group and none in another of the same job makes the
    // gateway refuse every push and every scrape (measured, 1.11.2).
    if (value !== "") key.push([name, value]);
  }
  return key;
}

/** The labels that `job` and `grouping` take from series. */
export function groupLabels({ job, grouping = {} }: GroupingOptions): string[] {
  return [job, ...Object.values(grouping)].flatMap((value) =>
    typeof value === "string" ? [] : [value.label],
  );
}

/**
 * The group with these values in the place of labels.
 *
 * @throws {TypeError} A label has no value here, or the job would be empty.
 */
export function fixedGroupingKey(
  options: GroupingOptions,
  values: Readonly<Record<string, string>>,
): GroupingKey {
  for (const label of groupLabels(options)) {
    if (!Object.hasOwn(values, label))
      throw new TypeError(`the group depends on the label ${label}: say its value`);
  }
  const key = groupingKey(options, (label) => values[label] ?? "");
  if (key[0]?.[1] === "") throw new TypeError("the job of a group must not be empty");
  return key;
}

/** {@link groupingKey} of a series. */
export function seriesGroupingKey(options: GroupingOptions, series: Series): GroupingKey {
  return groupingKey(options, (label) => labelValue(series, label));
}

/**
 * The path of a group, from `/metrics/job` on. Values that a URL's path, or the gateway's router,
 * would change go as base64.
 *
 * @see Pushgateway README, "URL"
 */
export function groupingPath(key: GroupingKey): string {
  let path = "/metrics";
  for (const [name, value] of key) {
    const plain = /^[A-Za-z0-9_.:-]+$/.test(value) && value !== "." && value !== "..";
    path += plain ? `/${name}/${value}` : `/${name}@base64/${Buffer.from(value).toString("base64url")}`;
  }
  return path;
}
