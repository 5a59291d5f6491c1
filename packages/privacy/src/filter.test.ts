import { counter, defineMetrics, gauge, histogram, open, pattern } from "@promferry/core";
import type { FrameOrigin, SessionInfo } from "@promferry/core/journal";
import type { Projected } from "@promferry/core/merge";
import type { FamilyMetadata } from "@promferry/core/series";
import { expect, test } from "vitest";
import { externalLabels, joinSession } from "./added-labels.ts";
import { allowList, allowListBySession } from "./allow-list.ts";
import { denyList } from "./deny-list.ts";
import { composeFilters, type Filter } from "./filter.ts";

const { catalogue } = defineMetrics(
  { namespace: "k1" },
  {
    views: counter({ name: "views_total", help: "Views.", labels: { screen: ["pods", "nodes"] } }),
    wait: histogram({ name: "wait_seconds", help: "Wait.", labels: { version: pattern(/v\d+/) } }),
    cached: gauge({
      name: "cached",
      help: "Cached.",
      labels: { resource: open({ max: 2 }), namespace: open({ max: 2 }) },
    }),
  },
);

const session: SessionInfo = {
  startedMs: 0,
  intervalMs: 300_000,
  version: "v1.2.0",
  os: "linux",
  runId: "r1",
};

/** `name{a=b,…}` through a filter and back, or the reason why it stays. */
function pass(
  filter: Filter,
  text: string,
  options: { origin?: FrameOrigin; info?: Partial<SessionInfo> } = {},
): string {
  const [, name = "", inner = ""] = /^(\w+)(?:\{(.*)\})?$/.exec(text) ?? [];
  const labels = inner
    .split(",")
    .filter(Boolean)
    .map((pair) => ({ name: pair.split("=")[0]!, value: pair.split("=")[1]! }));
  const family: FamilyMetadata = {
    name: name.replace(/_(bucket|sum|count)$/, ""),
    type: "unknown",
    help: "",
    unit: "",
  };
  const { origin = "app", info = {} } = options;
  const projected: Projected = filter({ name, labels }, { family, origin, session: { ...session, ...info } });
  if ("withheld" in projected) return projected.withheld;
  return `${projected.name}{${projected.labels.map((label) => `${label.name}=${label.value}`).join()}}`;
}

for (const { name, series, passes } of [
  {
    name: "what the catalogue says",
    series: "k1_views_total{screen=pods}",
    passes: "k1_views_total{screen=pods}",
  },
  {
    name: "its own account",
    series: "k1_dropped_series_total{reason=overflow}",
    passes: "k1_dropped_series_total{reason=overflow}",
  },
  {
    name: "other in place of a value outside a closed list",
    series: "k1_views_total{screen=secret}",
    passes: "k1_views_total{screen=other}",
  },
  { name: "other itself", series: "k1_views_total{screen=other}", passes: "k1_views_total{screen=other}" },
  {
    name: "no label that isn't there",
    series: "k1_views_total{cluster=prod,screen=pods}",
    passes: "k1_views_total{screen=pods}",
  },
  { name: "no metric that isn't there", series: "k1_secrets_total", passes: "not in the catalogue" },
  {
    name: "no sample name that isn't there",
    series: "k1_views_total_bucket{le=1}",
    passes: "not in the catalogue",
  },
  {
    name: "a histogram's buckets",
    series: "k1_wait_seconds_bucket{le=0.5,version=v1}",
    passes: "k1_wait_seconds_bucket{le=0.5,version=v1}",
  },
  {
    name: "a histogram's last bucket",
    series: "k1_wait_seconds_bucket{le=+Inf}",
    passes: "k1_wait_seconds_bucket{le=+Inf}",
  },
  {
    name: "no text where a bound should be",
    series: "k1_wait_seconds_bucket{le=me}",
    passes: "k1_wait_seconds_bucket{le=other}",
  },
  {
    name: "other in place of what doesn't match the whole pattern",
    series: "k1_wait_seconds_sum{version=v1-me}",
    passes: "k1_wait_seconds_sum{version=other}",
  },
  { name: "any value of an open label", series: "k1_cached{resource=x}", passes: "k1_cached{resource=x}" },
]) {
  test(`the allow-list lets through ${name}`, () => {
    expect(pass(allowList(catalogue), series)).toBe(passes);
  });
}

test("the deny-list drops labels that name infrastructure, even those of the catalogue", () => {
  const series = "k1_cached{cluster_name=a,context=b,namespace=c,node_name=d,resource=e,resource_name=f}";
  expect(pass(denyList(), series)).toBe("k1_cached{resource=e}");
  expect(pass(denyList(["resource"]), "k1_cached{namespace=c,resource=e}")).toBe("k1_cached{namespace=c}");
});

test("scraped pages pass the gates of a program's own telemetry untouched", () => {
  const filter = composeFilters(allowList(catalogue), denyList(), joinSession({ user: "u" }));
  const series = "kube_pod_info{namespace=prod,node_name=n1}";
  expect(pass(filter, series, { origin: "scrape" })).toBe(series);
});

test("the allow-list by session looks a digest up once, and withholds what it can't find", () => {
  const asked: string[] = [];
  const filter = allowListBySession((digest) => {
    asked.push(digest);
    return digest === "aaaa0000" ? catalogue : undefined;
  });
  const through = (series: string, info: Partial<SessionInfo>) => pass(filter, series, { info });
  expect(through("k1_views_total{x=1}", { catalog: "aaaa0000" })).toBe("k1_views_total{}");
  expect(through("k1_secrets_total", { catalog: "aaaa0000" })).toBe("not in the catalogue");
  expect(through("k1_views_total", { catalog: "bbbb0000" })).toBe("catalogue bbbb0000 is missing");
  expect(through("plain_total{x=1}", {})).toBe("plain_total{x=1}");
  expect(through("plain_total{x=1}", { lost: true })).toBe("the session's info is lost");
  expect(pass(filter, "up{x=1}", { origin: "scrape", info: { lost: true } })).toBe("up{x=1}");
  expect(asked).toEqual(["aaaa0000", "bbbb0000"]);
});

for (const { name, filter, series, origin = "app", passes } of [
  {
    name: "what its session says",
    filter: joinSession(),
    series: "m{a=1,z=1}",
    passes: "m{a=1,os=linux,version=v1.2.0,z=1}",
  },
  {
    name: "the labels asked for",
    filter: joinSession({ labels: ["run_id", "git_sha"] }),
    series: "m",
    passes: "m{run_id=r1}",
  },
  { name: "the user", filter: joinSession({ labels: [], user: "abc" }), series: "m", passes: "m{user=abc}" },
  {
    name: "nothing in place of its own labels",
    filter: joinSession(),
    series: "m{version=own}",
    passes: "m{os=linux,version=own}",
  },
  {
    name: "external labels",
    filter: externalLabels({ team: "a", site: "eu" }),
    series: "m{team=own}",
    passes: "m{site=eu,team=own}",
  },
  {
    name: "external labels to scraped pages too",
    filter: externalLabels({ site: "eu" }),
    series: "m",
    origin: "scrape",
    passes: "m{site=eu}",
  },
] satisfies { name: string; filter: Filter; series: string; origin?: FrameOrigin; passes: string }[]) {
  test(`a series is given ${name}`, () => {
    expect(pass(filter, series, { origin })).toBe(passes);
  });
}

test("filters compose from left to right, and the first that withholds ends it", () => {
  const never: Filter = () => {
    throw new Error("reached");
  };
  expect(
    pass(
      composeFilters(() => ({ withheld: "no" }), never),
      "m",
    ),
  ).toBe("no");
  expect(pass(composeFilters(joinSession(), denyList(["os"])), "m")).toBe("m{version=v1.2.0}");
  expect(pass(composeFilters(), "m{a=1}")).toBe("m{a=1}");
});
