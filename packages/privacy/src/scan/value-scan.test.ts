import type { FrameOrigin } from "@promferry/core/journal";
import type { Series } from "@promferry/core/series";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { composeFilters } from "../filter.ts";
import { filterFamilies } from "../filter-families.ts";
import { scanExemplars } from "./scan-exemplars.ts";
import { createScanner } from "./scanner.ts";
import { type ScanAction, valueScan } from "./value-scan.ts";

const scanner = createScanner();
const session = { startedMs: 0, intervalMs: 300_000 };
const ADDRESS = "bob@example.com";
const TOKEN = "ghp_aZ09bY18cX27dW36eV45fU54gT63hS72iR81";

/** What is left of a page, a line for each family's HELP and each series, or why a series stays. */
function through(
  page: string,
  options: { action?: ScanAction; pages?: boolean; origin?: FrameOrigin } = {},
): readonly string[] {
  const { action = "other", pages = false, origin = "app" } = options;
  const families = parseExposition(page, { format: "prometheus" });
  const filter = composeFilters(valueScan({ scanner, action: () => action, pages }));
  const passed = filterFamilies(families, filter, { origin, session });
  const lines = passed.families.flatMap(({ help, series, values }) => [
    ...(help === "" ? [] : [`# ${help}`]),
    ...series.map((each, i) => `${shown(each)} ${values[i]}`),
  ]);
  return [...lines, ...passed.withheld.map(({ reason }) => reason)];
}

function shown({ name, labels }: Series): string {
  return `${name}{${labels.map((label) => `${label.name}=${label.value}`).join()}}`;
}

for (const { name, page, action, pages, origin, left } of [
  {
    name: "other takes the value's place, and what becomes equal adds up",
    page: `# TYPE a counter\na{x="${ADDRESS}"} 1\na{x="${TOKEN}"} 2\na{x="fine"} 4\n`,
    left: ["a{x=other} 3", "a{x=fine} 4"],
  },
  {
    name: "a label of such a name is dropped",
    page: `# TYPE a counter\na{k1_${TOKEN}="1",x="2"} 1\n`,
    left: ["a{x=2} 1"],
  },
  {
    name: "a series of such a name stays, and is not told by name",
    page: `# TYPE k1_${TOKEN} counter\nk1_${TOKEN} 1\n`,
    left: ["its name looks like key"],
  },
  {
    name: "a HELP text is left empty",
    page: `# HELP a Ask ${ADDRESS}.\n# TYPE a counter\na 1\n`,
    left: ["a{} 1"],
  },
  {
    name: "other texts are as they were",
    page: '# HELP a Fine.\n# TYPE a counter\na{x="y"} 1\n',
    left: ["# Fine.", "a{x=y} 1"],
  },
  {
    name: "a bound is a number whatever it looks like",
    page: '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    left: ["h_bucket{le=+Inf} 1", "h_sum{} 1", "h_count{} 1"],
  },
  {
    name: "drop keeps the series",
    page: `# TYPE a counter\na{x="${ADDRESS}"} 1\na{x="fine"} 4\n`,
    action: "drop",
    left: ["a{x=fine} 4", "its label x looks like email"],
  },
  {
    name: "drop keeps the whole family for its HELP",
    page: `# HELP a Ask ${ADDRESS}.\n# TYPE a counter\na 1\n`,
    action: "drop",
    left: ["its HELP looks like email"],
  },
  {
    name: "block keeps the series, too",
    page: `# TYPE a counter\na{k1_${TOKEN}="1"} 1\n`,
    action: "block",
    left: ["a label's name looks like key"],
  },
  { name: "allow lets it pass", page: `a{x="${ADDRESS}"} 1\n`, action: "allow", left: [`a{x=${ADDRESS}} 1`] },
  {
    name: "scraped pages pass untouched",
    page: `# HELP a Ask ${ADDRESS}.\na{x="${ADDRESS}"} 1\n`,
    origin: "scrape",
    left: [`# Ask ${ADDRESS}.`, `a{x=${ADDRESS}} 1`],
  },
  {
    name: "but for those of a destination that wants them scanned, with job and instance as given",
    page: `# HELP a Ask ${ADDRESS}.\na{instance="10.0.0.1:9100",x="10.0.0.1"} 1\n`,
    origin: "scrape",
    pages: true,
    left: ["a{instance=10.0.0.1:9100,x=other} 1"],
  },
] satisfies {
  name: string;
  page: string;
  action?: ScanAction;
  pages?: boolean;
  origin?: FrameOrigin;
  left: string[];
}[]) {
  test(`value scan: ${name}`, () => {
    expect(
      through(page, { ...(action && { action }), ...(pages && { pages }), ...(origin && { origin }) }),
    ).toEqual(left);
  });
}

test("the gravest action of all that is found counts, and only block blocks", () => {
  const family = { name: "a", type: "counter", help: "", unit: "" } as const;
  const verdict = (email: ScanAction, key: ScanAction) =>
    valueScan({ scanner, action: (kind) => (kind === "email" ? email : key) })(
      { name: "a", labels: [{ name: "x", value: `${ADDRESS} ${TOKEN}` }] },
      { family, origin: "app", session },
    );
  expect(verdict("allow", "other")).toEqual({ name: "a", labels: [{ name: "x", value: "other" }] });
  expect(verdict("drop", "other")).toEqual({ withheld: "its label x looks like email" });
  expect(verdict("drop", "block")).toEqual({ withheld: "its label x looks like key", blocks: true });
});

test("an exemplar in which something is found goes without its sample", () => {
  const family = { name: "a", type: "counter", help: "", unit: "" } as const;
  const exemplar = (value: string) => ({ labels: [{ name: "trace_id", value }], value: 1, timestampMs: 5 });
  const batch = {
    sampleCount: 2,
    series: [
      {
        series: { name: "a", labels: [] },
        family,
        timestampsMs: [5, 6],
        values: [1, 2],
        exemplars: new Map([
          [0, [exemplar(ADDRESS), exemplar("abc")]],
          [1, [exemplar(TOKEN)]],
        ]),
      },
    ],
  };
  const [series] = scanExemplars(batch, { scanner }).series;
  expect(series).toMatchObject({ timestampsMs: [5, 6], values: [1, 2] });
  expect(series!.exemplars).toEqual(new Map([[0, [exemplar("abc")]]]));
  expect(scanExemplars(batch, { scanner, action: () => "allow" }).series).toEqual(batch.series);
});
