import { compileRelabel } from "@promferry/core/relabel";
import { expect, test } from "vitest";
import { scrapeConfigSchema, scrapeRules } from "../config/scrape-schema.ts";
import { populateTarget } from "./populate-target.ts";

function populate(discovered: Record<string, string>, settings: object = {}) {
  const config = scrapeConfigSchema.parse({ job_name: "j", ...settings });
  const relabel = compileRelabel(scrapeRules(config.relabel_configs));
  return populateTarget(new Map(Object.entries(discovered)), config, relabel);
}

const replace = (target_label: string, replacement: string, source?: string) => ({
  ...{ target_label, replacement },
  ...(source ? { source_labels: [source] } : {}),
});

for (const {
  name,
  discovered = {},
  settings = {},
  labels,
  url = "http://a:1/metrics",
  times = [60_000, 10_000],
} of [
  { name: "has Prometheus' defaults", labels: { instance: "a:1", job: "j" } },
  {
    name: "keeps its own job and instance",
    discovered: { job: "mine", instance: "me" },
    labels: { instance: "me", job: "mine" },
  },
  {
    name: "has scheme, path, parameters and times of the job",
    settings: {
      scheme: "https",
      metrics_path: "/x y",
      params: { b: ["2", "3"], a: ["ä&"] },
      scrape_interval: "5s",
    },
    labels: { instance: "a:1", job: "j" },
    url: "https://a:1/x%20y?a=%C3%A4%26&b=2&b=3",
    times: [5000, 5000],
  },
  {
    name: "overrides them by its labels",
    discovered: {
      __scheme__: "https",
      __metrics_path__: "/p",
      __scrape_interval__: "2s",
      __scrape_timeout__: "1s",
      __meta_zone: "z",
    },
    labels: { instance: "a:1", job: "j" },
    url: "https://a:1/p",
    times: [2000, 1000],
  },
  {
    name: "is changed by rules, whose special labels stay behind",
    discovered: { __meta_zone: "z" },
    settings: {
      params: { m: ["one", "two"] },
      relabel_configs: [
        replace("zone", "$1", "__meta_zone"),
        replace("asked", "$1", "__param_m"),
        replace("__param_m", "three"),
        replace("__address__", "b:2"),
        replace("__tmp", "x"),
      ],
    },
    labels: { asked: "one", instance: "b:2", job: "j", zone: "z" },
    url: "http://b:2/metrics?m=three&m=two",
  },
  {
    name: "keeps an address without a port as it was written",
    discovered: { __address__: "[::1]" },
    labels: { instance: "[::1]", job: "j" },
    url: "http://[::1]/metrics",
  },
]) {
  test(`a target ${name}`, () => {
    const populated = populate({ __address__: "a:1", ...discovered }, settings);
    expect(populated).toMatchObject({ target: { url, jobName: "j" } });
    if (!("target" in populated)) return;
    const { target } = populated;
    expect(Object.fromEntries(target.labels.map((label) => [label.name, label.value]))).toEqual(labels);
    expect([target.intervalMs, target.timeoutMs]).toEqual(times);
  });
}

for (const { name, discovered = {}, rules = [], says } of [
  {
    name: "without an address",
    rules: [{ regex: "__address__", action: "labeldrop" }],
    says: "no __address__",
  },
  { name: "with a path in its address", discovered: { __address__: "a/x" }, says: "expected host:port" },
  { name: "with a user in its address", discovered: { __address__: "u:p@a" }, says: "expected host:port" },
  { name: "with a port that is none", discovered: { __address__: "a:99999" }, says: "expected host:port" },
  { name: "with another scheme", discovered: { __scheme__: "file" }, says: "expected http or https" },
  { name: "with no interval", discovered: { __scrape_interval__: "0s" }, says: "expected an interval" },
  { name: "with a timeout beyond it", discovered: { __scrape_timeout__: "2m" }, says: '"1m" and "2m"' },
]) {
  test(`a target ${name} is refused`, () => {
    const populated = populate({ __address__: "a:1", ...discovered }, { relabel_configs: rules });
    expect(populated).toEqual({ problem: expect.stringContaining(says) });
  });
}

test("a target that a rule drops is told apart from one that can't be", () => {
  const rules = [{ source_labels: ["__address__"], regex: "a:1", action: "drop" }];
  expect(populate({ __address__: "a:1" }, { relabel_configs: rules })).toEqual({ dropped: true });
});

test("a target is the same one as long as job, labels and URL are", () => {
  const idOf = (discovered: Record<string, string>, settings?: object) => {
    const populated = populate({ __address__: "a:1", ...discovered }, settings);
    return "target" in populated ? populated.target.id : undefined;
  };
  expect(idOf({})).toMatch(/^[0-9a-f]{16}$/);
  expect(idOf({ __meta_x: "1" }, { scrape_interval: "5s", honor_labels: true })).toBe(idOf({}));
  const others = [idOf({ x: "1" }), idOf({}, { metrics_path: "/x" }), idOf({}, { job_name: "k" }), idOf({})];
  expect(new Set(others).size).toBe(4);
});
