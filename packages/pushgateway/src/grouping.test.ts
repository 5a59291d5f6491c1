import { expect, test } from "vitest";
import { checkGrouping, fixedGroupingKey, groupingPath } from "./grouping.ts";

const path = (job: string, grouping: Record<string, string> = {}) =>
  groupingPath(fixedGroupingKey({ job, grouping }, {}));

for (const { name, job, grouping, expected } of [
  {
    name: "plain values as they are",
    job: "k1",
    grouping: { zone: "eu-1:a_b.c" },
    expected: "/job/k1/zone/eu-1:a_b.c",
  },
  {
    name: "labels sorted by name",
    job: "k1",
    grouping: { b: "2", a: "1", B: "3" },
    expected: "/job/k1/B/3/a/1/b/2",
  },
  {
    name: "a slash as base64",
    job: "nightly/backup",
    grouping: {},
    expected: "/job@base64/bmlnaHRseS9iYWNrdXA",
  },
  {
    name: "a leading slash as base64",
    job: "k1",
    grouping: { dir: "/var" },
    expected: "/job/k1/dir@base64/L3Zhcg",
  },
  {
    name: "a dot as base64",
    job: ".",
    grouping: { a: "..", b: "..." },
    expected: "/job@base64/Lg/a@base64/Li4/b/...",
  },
  { name: "a percent sign as base64", job: "100%", grouping: {}, expected: "/job@base64/MTAwJQ" },
  {
    name: "blank, question mark, plus as base64",
    job: "a b",
    grouping: { q: "?", p: "+" },
    expected: "/job@base64/YSBi/p@base64/Kw/q@base64/Pw",
  },
  {
    name: "UTF-8 as base64, with the URL alphabet",
    job: "größer",
    grouping: { e: "ÿ~>" },
    expected: "/job@base64/Z3LDtsOfZXI/e@base64/w79-Pg",
  },
  { name: "no empty value", job: "k1", grouping: { instance: "", user: "u" }, expected: "/job/k1/user/u" },
]) {
  test(`a group's path has ${name}`, () => {
    expect(path(job, grouping)).toBe(`/metrics${expected}`);
  });
}

for (const { grouping, job = "k1", message } of [
  { job: "", grouping: {}, message: "job must not be empty" },
  { grouping: { job: "x" }, message: "job is a setting of its own" },
  { grouping: { "my-label": "x" }, message: '"my-label" must match' },
  { grouping: { __name__: "x" }, message: '"__name__" must match' },
  { grouping: { "": "x" }, message: '"" must match' },
  { grouping: { ä: "x" }, message: '"ä" must match' },
]) {
  test(`checkGrouping refuses job ${JSON.stringify(job)} with ${JSON.stringify(grouping)}`, () => {
    expect(() => checkGrouping({ job, grouping })).toThrow(TypeError);
    expect(() => checkGrouping({ job, grouping })).toThrow(message);
  });
}

test("a group that depends on labels needs their values", () => {
  const options = { job: { label: "app" }, grouping: { version: { label: "v" }, team: "platform" } };
  expect(groupingPath(fixedGroupingKey(options, { app: "k1", v: "1.2" }))).toBe(
    "/metrics/job/k1/team/platform/version/1.2",
  );
  expect(() => fixedGroupingKey(options, { app: "k1" })).toThrow("depends on the label v");
  expect(() => fixedGroupingKey(options, { app: "", v: "1" })).toThrow("must not be empty");
  expect(() => fixedGroupingKey({ job: { label: "constructor" } }, {})).toThrow("depends on the label");
});
