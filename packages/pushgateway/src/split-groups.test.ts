import { createSeriesDictionary, type FamilyMetadata } from "@promferry/core/series";
import { expect, test } from "vitest";
import { type LatestValue, splitGroups } from "./split-groups.ts";

const { intern } = createSeriesDictionary();
const hits: FamilyMetadata = { name: "hits_total", type: "counter", help: "", unit: "" };
const temperature: FamilyMetadata = { name: "temperature", type: "gauge", help: "", unit: "" };

const row = (
  family: FamilyMetadata,
  labels: Record<string, string>,
  value: LatestValue["value"],
): LatestValue => ({
  family,
  series: intern(
    family.name,
    Object.entries(labels).map(([name, text]) => ({ name, value: text })),
  ),
  value,
});

/** `path: name{labels} value, …`, one line a group. */
const show = (rows: readonly LatestValue[], options: Parameters<typeof splitGroups>[1]) => {
  const { groups, refused } = splitGroups(rows, options);
  const lines = groups.map(({ path, families, endedCount }) => {
    const samples = families.flatMap(({ series, values }) =>
      series.map(
        ({ name, labels }, i) => `${name}{${labels.map((l) => `${l.name}=${l.value}`)}} ${values[i]}`,
      ),
    );
    return `${path}: ${samples.join(", ")}${endedCount ? ` ended ${endedCount}` : ""}`;
  });
  return { lines, refused };
};

test("one group takes everything when nothing depends on labels", () => {
  expect(
    show([row(hits, { a: "1" }, 1), row(temperature, {}, 2), row(hits, { a: "2" }, 3)], {
      job: "k1",
      grouping: { team: "platform" },
    }),
  ).toEqual({
    lines: ["/metrics/job/k1/team/platform: hits_total{a=1} 1, hits_total{a=2} 3, temperature{} 2"],
    refused: [],
  });
});

test("each value of a label makes a group, and the label leaves the series", () => {
  expect(
    show(
      [
        row(hits, { a: "1", version: "1.0" }, 1),
        row(hits, { a: "1", version: "2.0" }, 2),
        row(hits, { a: "1" }, 3),
        row(temperature, { version: "2.0" }, 4),
      ],
      { job: "k1", grouping: { version: { label: "version" } } },
    ).lines,
  ).toEqual([
    "/metrics/job/k1/version/1.0: hits_total{a=1} 1",
    "/metrics/job/k1/version/2.0: hits_total{a=1} 2, temperature{} 4",
    "/metrics/job/k1: hits_total{a=1} 3",
  ]);
});

test("a label under another name than the group's stays on the series", () => {
  expect(
    show([row(hits, { v: "1" }, 1)], { job: "k1", grouping: { version: { label: "v" } } }).lines,
  ).toEqual(["/metrics/job/k1/version/1: hits_total{v=1} 1"]);
});

test("a label that says the same as the group is dropped", () => {
  expect(
    show([row(hits, { job: "k1", team: "a", x: "1" }, 1)], { job: "k1", grouping: { team: "a" } }),
  ).toEqual({
    lines: ["/metrics/job/k1/team/a: hits_total{x=1} 1"],
    refused: [],
  });
});

for (const { name, rows, job = "k1", reason } of [
  {
    name: "another job",
    rows: [row(hits, { job: "other" }, 1)],
    reason: "the label job would be overwritten by that of the group, for example hits_total",
  },
  {
    name: "another value of a grouping label",
    rows: [row(hits, { team: "b" }, 1)],
    reason: "the label team would be overwritten by that of the group, for example hits_total",
  },
  {
    name: "no label to take the job from",
    rows: [row(hits, {}, 1)],
    job: { label: "app" },
    reason: "a series has no label to take its job from, for example hits_total",
  },
  {
    name: "an equal one in its group",
    rows: [row(hits, { team: "a" }, 1), row(hits, {}, 2)],
    reason: "a series equals another one of its group, for example hits_total",
  },
]) {
  test(`a series is refused that has ${name}`, () => {
    expect(splitGroups(rows, { job, grouping: { team: "a" } }).refused).toEqual([{ reason, count: 1 }]);
  });
}

test("series that break the same rule are one refusal with a few names, each shortened", () => {
  const names = ["a", "b", "c", "d", "e", "f"].map((letter) => letter.repeat(100));
  const families = names.map((name): FamilyMetadata => ({ ...hits, name }));
  const rows = families.flatMap((family) => [1, 2].map((i) => row(family, { job: "other", i: `${i}` }, 1)));
  const { refused } = splitGroups(rows, { job: "k1" });
  const shown = names.slice(0, 5).map((name) => `${name.slice(0, 64)}…`);
  const rule = "the label job would be overwritten by that of the group";
  expect(refused).toEqual([{ reason: `${rule}, for example ${shown.join(", ")}`, count: 12 }]);
});

test("series that have ended are counted and not pushed", () => {
  const grouping = { version: { label: "version" } };
  expect(
    show(
      [
        row(hits, { version: "1" }, null),
        row(hits, { version: "2" }, null),
        row(temperature, { version: "2" }, 1),
      ],
      {
        job: "k1",
        grouping,
      },
    ).lines,
  ).toEqual(["/metrics/job/k1/version/1:  ended 1", "/metrics/job/k1/version/2: temperature{} 1 ended 1"]);
});
