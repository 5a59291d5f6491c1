import { expect, test } from "vitest";
import { type Catalogue, catalogueDigest, catalogueFileName, catalogueToJson } from "./catalogue.ts";
import { CatalogueError, catalogueFromJson } from "./catalogue-from-json.ts";
import { counter, gauge, histogram, open, pattern } from "./definition.ts";
import { catalogueGaugeRules } from "./gauge-rules.ts";
import { allowsValue } from "./label-guard.ts";
import { defineMetrics } from "./metrics.ts";

const { catalogue } = defineMetrics(
  { namespace: "k1" },
  {
    views: counter({
      name: "views_total",
      help: "Views.",
      why: "Which are used.",
      labels: { screen: ["pods", "nodes"] },
    }),
    wait: histogram({
      name: "wait_seconds",
      help: "Wait.",
      labels: { version: pattern(/v\d+/i, { max: 3 }) },
    }),
    cached: gauge({ name: "cached", help: "Cached.", labels: { resource: open({ max: 30 }) }, merge: "sum" }),
    width: gauge({ name: "width", help: "Width.", across: { sessions: "max" } }),
    height: gauge({ name: "height", help: "Height." }),
  },
);

test("a catalogue describes every metric, its own included, sorted by name", () => {
  expect(catalogue.metrics.map(({ name, type, why }) => ({ name, type, why }))).toEqual([
    { name: "k1_cached", type: "gauge", why: "" },
    {
      name: "k1_dropped_series_total",
      type: "counter",
      why: "Shows that the catalogue and the program disagree, without saying what the values were.",
    },
    { name: "k1_height", type: "gauge", why: "" },
    { name: "k1_views_total", type: "counter", why: "Which are used." },
    { name: "k1_wait_seconds", type: "histogram", why: "" },
    { name: "k1_width", type: "gauge", why: "" },
  ]);
  expect(catalogue.metrics[4]).toEqual({
    name: "k1_wait_seconds",
    type: "histogram",
    help: "Wait.",
    why: "",
    labels: { version: { kind: "pattern", source: "v\\d+", flags: "i", max: 3 } },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
});

test("a catalogue survives JSON, and its digest with it", () => {
  const read = catalogueFromJson(catalogueToJson(catalogue));
  expect(read).toEqual(catalogue);
  expect(catalogueDigest(read)).toBe(catalogueDigest(catalogue));
});

test("the digest depends on what is said and not on the order of keys", () => {
  const turn = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turn);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, turn(inner)]),
    );
  };
  expect(catalogueDigest(turn(catalogue) as Catalogue)).toBe(catalogueDigest(catalogue));
  expect(catalogueDigest({ ...catalogue, namespace: "k2" })).not.toBe(catalogueDigest(catalogue));
  expect(catalogueDigest(catalogue)).toMatch(/^[0-9a-f]{64}$/);
  expect(catalogueFileName(catalogue)).toBe(`catalog-${catalogueDigest(catalogue).slice(0, 8)}.json`);
});

test("catalogueGaugeRules has what gauges state, the shorthand for both directions", () => {
  expect(catalogueGaugeRules(catalogue)).toEqual({
    k1_cached: { sessions: "sum", labels: "sum" },
    k1_width: { sessions: "max" },
  });
});

const metric = { name: "k1_a_total", type: "counter", help: "h", why: "", labels: {} };
const text = (...metrics: unknown[]) => JSON.stringify({ v: 1, namespace: "k1", metrics });

for (const { name, input, code = "ERR_CATALOGUE_INVALID", says } of [
  { name: "text that isn't JSON", input: "{", says: "not JSON" },
  { name: "another version", input: '{"v":2}', code: "ERR_CATALOGUE_VERSION", says: "version 2: expected 1" },
  { name: "no object", input: "[]", says: "expected an object" },
  { name: "a missing key", input: '{"v":1,"namespace":"k1"}', says: "catalogue.metrics: missing" },
  {
    name: "an unknown key",
    input: text({ ...metric, extra: 1 }),
    says: "catalogue.metrics[0].extra: not known",
  },
  {
    name: "an unknown type",
    input: text({ ...metric, type: "summary" }),
    says: 'type: expected one of "counter"',
  },
  {
    name: "an unknown kind of label",
    input: text({ ...metric, labels: { a: { kind: "any" } } }),
    says: 'labels.a.kind: expected "closed", "open" or "pattern"',
  },
  {
    name: "a pattern that doesn't compile",
    input: text({ ...metric, labels: { a: { kind: "pattern", source: "(", flags: "", max: 1 } } }),
    says: "not a regular expression",
  },
  {
    name: "a pattern that remembers its last match",
    input: text({ ...metric, labels: { a: { kind: "pattern", source: "v", flags: "gi", max: 1 } } }),
    says: "expected flags without g and y",
  },
  { name: "a name twice", input: text(metric, metric), says: 'is "k1_a_total"\'s already' },
  { name: "an inherited key", input: text({ ...metric, toString: 1 }), says: "toString: not known" },
  {
    name: "a merge rule nobody knows",
    input: text({ ...metric, across: { labels: "median" } }),
    says: '"median"',
  },
]) {
  test(`catalogueFromJson refuses ${name}`, () => {
    let error: unknown;
    try {
      catalogueFromJson(input);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(CatalogueError);
    expect((error as CatalogueError).code).toBe(code);
    expect((error as CatalogueError).message).toContain(says);
  });
}

test("a pattern holds for a value as a whole, whatever its flags make of line ends", () => {
  const rule = { kind: "pattern", source: "v\\d+", flags: "im", max: 1 } as const;
  expect(["v1", "V2", "v1\nhost-7", "host-7\nv1", ""].map(allowsValue(rule))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
