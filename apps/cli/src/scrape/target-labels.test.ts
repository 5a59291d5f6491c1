import type { Label } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { withTargetLabels } from "./target-labels.ts";

const list = (labels: Record<string, string>): Label[] =>
  Object.entries(labels).map(([name, value]) => ({ name, value }));
const record = (labels: readonly Label[]) =>
  Object.fromEntries(labels.map(({ name, value }) => [name, value]));

const own = { instance: "i", job: "j" };

for (const { name, page, honor, target = own, result } of [
  { name: "adds its own", page: { x: "1" }, honor: false, result: { x: "1", ...own } },
  {
    name: "keeps the page's under another name",
    page: { job: "p" },
    honor: false,
    result: { ...own, exported_job: "p" },
  },
  {
    name: "goes on until a name is free",
    page: { job: "p", exported_job: "older" },
    honor: false,
    result: { ...own, exported_exported_job: "p", exported_job: "older" },
  },
  {
    name: "moves two that want the same name apart",
    page: { job: "p", exported_job: "older" },
    honor: false,
    target: { ...own, exported_job: "mine" },
    result: {
      ...own,
      exported_job: "mine",
      exported_exported_job: "p",
      exported_exported_exported_job: "older",
    },
  },
  { name: "exports no empty value", page: { job: "" }, honor: false, result: own },
  {
    name: "gives way where labels are honoured",
    page: { job: "p", x: "" },
    honor: true,
    result: { job: "p", instance: "i" },
  },
  { name: "gives way to an empty one, too", page: { instance: "" }, honor: true, result: { job: "j" } },
]) {
  test(`a target ${name}`, () => {
    expect(record(withTargetLabels(list({ ...page }), list(target), honor))).toEqual(result);
  });
}

test("no value is lost, and every name stands once", () => {
  const names = fc.constantFrom("a", "exported_a", "exported_exported_a", "b", "exported_b");
  const labels = fc.dictionary(names, fc.string({ minLength: 1, maxLength: 2 }));
  fc.assert(
    fc.property(labels, labels, (page, target) => {
      const joined = withTargetLabels(list(page), list(target), false);
      expect(new Set(joined.map(({ name }) => name)).size).toBe(joined.length);
      expect(joined.map(({ value }) => value).sort()).toEqual(
        [...Object.values(page), ...Object.values(target)].sort(),
      );
      expect(record(joined)).toMatchObject(target);
    }),
  );
});
