import type { MetricFamily, Series } from "@promferry/core/series";
import { createExpositionParser } from "@promferry/core/text-format";
import fc from "fast-check";
import { expect, test } from "vitest";
import { scrapeConfigSchema } from "../config/scrape-schema.ts";
import { createSeriesTracker } from "./series-tracker.ts";

const NOW = 1_700_000_000_000;

function track(settings: object = {}, limit = 1000) {
  const budget = { limit, used: 0 };
  const config = (other: object) => scrapeConfigSchema.parse({ job_name: "j", ...other });
  const tracker = createSeriesTracker([{ name: "job", value: "j" }], config(settings), budget);
  const repeated = new Map<Series, number>();
  const parser = createExpositionParser({
    format: "scrape",
    onRepeated: (series) => repeated.set(series, (repeated.get(series) ?? 0) + 1),
  });
  return {
    tracker,
    budget,
    configure: (other: object) => tracker.configure(config(other)),
    take: (text: string) => {
      repeated.clear();
      const { rows, ...counts } = tracker.take({ families: parser.parse(text), repeated }, NOW);
      return { ...counts, rows: shown(rows.build()), families: rows };
    },
    miss: () => shown(tracker.miss().build()),
  };
}

/** `name{x}` and its value; a stale marker is `!`. */
function shown(families: readonly MetricFamily[]): string[] {
  return families.flatMap(({ series, values, special, timestampsMs }) =>
    series.map(({ name, labels }, i) => {
      const own = labels.filter((label) => label.name !== "job").map(({ value }) => `{${value}}`);
      const at = Number.isNaN(timestampsMs[i]) ? "" : ` @${timestampsMs[i]! - NOW}`;
      return `${name}${own.join("")} ${special?.get(i) === null ? "!" : values[i]}${at}`;
    }),
  );
}

test("a series that is gone ends once, and may come back", () => {
  const { take } = track();
  expect(take("a 1\nb 2\n").rows).toEqual(["a 1", "b 2"]);
  expect(take("a 3\n").rows).toEqual(["a 3", "b !"]);
  expect(take("a 4\n").rows).toEqual(["a 4"]);
  expect(take("b 5\n").rows).toEqual(["b 5", "a !"]);
});

test("everything ends with a page that can't be had, once", () => {
  const { take, miss } = track();
  take("a 1\nb 2\n");
  expect(miss()).toEqual(["a !", "b !"]);
  expect(miss()).toEqual([]);
  expect(take("a 1\n")).toMatchObject({ rows: ["a 1"], added: 0 });
});

test("a marker stands in its metric's own family", () => {
  const { take } = track();
  take('# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\n');
  const families = take('# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\n').families.build();
  expect(families.map(({ name, type, series }) => [name, type, series.length])).toEqual([
    ["h", "histogram", 4],
  ]);
});

test("series with times of their own get no marker, and one too far ahead is left out", () => {
  const { take } = track();
  expect(take(`a 1 ${NOW - 5}\na 2 ${NOW}\nb 1 ${NOW + 600_001}\nc 1 ${NOW + 600_000}\n`)).toMatchObject({
    rows: ["a 1 @-5", "a 2 @0", "c 1 @600000"],
    samples: 4,
    leftOut: 1,
  });
  expect(take("").rows).toEqual([]);
});

test("times of the page don't count without honor_timestamps", () => {
  const { take } = track({ honor_timestamps: false });
  expect(take(`a 1 ${NOW - 5}\n`).rows).toEqual(["a 1"]);
  expect(take("").rows).toEqual(["a !"]);
});

test("of two series that become one the first counts, and it ends with the last of them", () => {
  const { take } = track({ metric_relabel_configs: [{ regex: "x", action: "labeldrop" }] });
  expect(take('a{x="1"} 1\na{x="2"} 2\n')).toMatchObject({ rows: ["a 1"], kept: 2, added: 2 });
  expect(take('a{x="2"} 2\n').rows).toEqual(["a 2"]);
  expect(take("b 1\n").rows).toEqual(["b 1", "a !"]);
});

test("a renamed metric is of no known type, and one that is dropped is counted", () => {
  const rename = { source_labels: ["__name__"], regex: "a", target_label: "__name__", replacement: "z" };
  const drop = { source_labels: ["__name__"], regex: "b", action: "drop" };
  const { take } = track({ metric_relabel_configs: [rename, drop] });
  const page = take("# TYPE a counter\na 1\n# TYPE b gauge\nb 2\n# TYPE c gauge\nc 3\n");
  expect(page).toMatchObject({ samples: 3, kept: 2, added: 2 });
  expect(page.families.build().map(({ name, type }) => [name, type])).toEqual([
    ["z", "unknown"],
    ["c", "gauge"],
  ]);
});

for (const { name, settings, text, error } of [
  {
    name: "sample_limit",
    settings: { sample_limit: 2 },
    text: "a 1\nb 2\nc 3\n",
    error: "more samples than sample_limit, 2",
  },
  {
    name: "label_limit",
    settings: { label_limit: 2 },
    text: 'a{x="1"} 1\n',
    error: "3 labels of a; label_limit is 2",
  },
  {
    name: "label_name_length_limit",
    settings: { label_name_length_limit: 8 },
    text: 'a{ninechars="1"} 1\n',
    error: "9 bytes in the name of a label (ninechars) of a; label_name_length_limit is 8",
  },
  {
    name: "label_value_length_limit",
    settings: { label_value_length_limit: 3 },
    text: 'a{x="ää"} 1\n',
    error: "4 bytes in the label x of a; label_value_length_limit is 3",
  },
  {
    name: "the name",
    settings: { metric_relabel_configs: [{ regex: "__name__", action: "labeldrop" }] },
    text: "a 1\n",
    error: "metric_relabel_configs leave a series of a without a name",
  },
]) {
  test(`a page that fails by ${name} counts as none, and everything before it ends`, () => {
    const { take, configure } = track();
    take("a 1\nb 2\n");
    configure(settings);
    expect(take(text)).toMatchObject({ rows: ["a !", "b !"], error });
    configure({});
    expect(take(text).error).toBeUndefined();
  });
}

test("sample_limit counts what the rules leave, and a page at the limit is taken", () => {
  const rules = [{ source_labels: ["__name__"], regex: "go_.*", action: "drop" }];
  const { take } = track({ sample_limit: 2, metric_relabel_configs: rules });
  expect(take("a 1\ngo_x 1\nb 2\n")).toMatchObject({
    rows: ["a 1", "b 2"],
    samples: 3,
    kept: 2,
    error: undefined,
  });
});

for (const { name, settings, text, expected } of [
  {
    name: "counts each time, and its first value is kept",
    settings: {},
    text: "a 1\na 2\na 3\nb 1\n",
    expected: { rows: ["a 1", "b 1"], samples: 4, kept: 4, added: 2 },
  },
  {
    name: "is not held against sample_limit",
    settings: { sample_limit: 2 },
    text: "a 1\na 2\na 3\nb 1\n",
    expected: { rows: ["a 1", "b 1"], samples: 4, kept: 4, error: undefined },
  },
  {
    name: "is counted on a page over the limit, too",
    settings: { sample_limit: 1 },
    text: "a 1\na 2\nb 1\nb 2\n",
    expected: { rows: [], samples: 4, kept: 4, error: "more samples than sample_limit, 1" },
  },
  {
    name: "that a rule drops is counted before it only",
    settings: { metric_relabel_configs: [{ source_labels: ["__name__"], regex: "a", action: "drop" }] },
    text: "a 1\na 2\nb 1\n",
    expected: { rows: ["b 1"], samples: 3, kept: 1 },
  },
]) {
  test(`a series that stands twice on a page ${name}`, () => {
    expect(track(settings).take(text)).toMatchObject(expected);
  });
}

test("lost markers are given again, but not for what is back", () => {
  const { take, tracker } = track();
  take("a 1\nb 1\nc 1\n");
  expect(take("c 1\n").rows).toEqual(["c 1", "a !", "b !"]);
  tracker.oweMarkers();
  expect(take("a 1\n").rows).toEqual(["a 1", "c !", "b !"]);
  expect(take("a 1\n").rows).toEqual(["a 1"]);
});

test("a series is the same object on every page, also under other settings", () => {
  const { take, configure } = track();
  const first = take("a 1\nb 2\n")
    .families.build()
    .map(({ series }) => series[0]);
  const second = take("a 1\nb 2\n")
    .families.build()
    .map(({ series }) => series[0]);
  configure({ sample_limit: 5 });
  const third = take("a 1\nb 2\n")
    .families.build()
    .map(({ series }) => series[0]);
  expect([second[0] === first[0], third[1] === first[1]]).toEqual([true, true]);
});

test("the budget is shared: a page that goes beyond it fails, and what is gone makes room", () => {
  const { take, tracker, budget } = track({}, 3);
  expect(take("a 1\nb 1\nc 1\n").error).toBeUndefined();
  expect(take("a 1\nb 1\nc 1\nd 1\n")).toMatchObject({
    rows: ["a !", "b !", "c !"],
    error: "more than 3 series in all",
  });
  expect(take("a 1\n").error).toBeUndefined();
  expect(budget.used).toBe(1);
  tracker.release();
  expect(budget.used).toBe(0);
});

test("pages that fail with other series each time are not remembered without end", () => {
  const { take, budget } = track({ sample_limit: 500 }, 100_000);
  for (let page = 0; page < 8; page++) {
    take(Array.from({ length: 600 }, (_, i) => `a{x="${page}-${i}"} 1\n`).join(""));
  }
  expect(budget.used).toBeLessThan(2000);
});

test("a receiver that follows rows and markers has what the last page has", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e");
  const page = fc.option(fc.uniqueArray(name), { nil: undefined });
  fc.assert(
    fc.property(fc.array(page), (pages) => {
      const { take, miss } = track({ sample_limit: 3 });
      const live = new Set<string>();
      for (const names of pages) {
        const rows = names ? take(names.map((each) => `${each} 1\n`).join("")).rows : miss();
        for (const row of rows) {
          if (row.endsWith("!")) expect(live.delete(row.slice(0, -2))).toBe(true);
          else live.add(row.slice(0, -2));
        }
        const whole = names && names.length <= 3 ? names : [];
        expect([...live].sort()).toEqual([...whole].sort());
      }
    }),
  );
});
