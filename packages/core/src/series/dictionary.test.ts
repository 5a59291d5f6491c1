import { Buffer } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  canonicalLabels,
  compareCodePoints,
  createSeriesDictionary,
  labelValue,
  seriesKey,
} from "./index.ts";
import type { Label, Series } from "./series.ts";

const character = fc.constantFrom("a", "b", "1", ":", "\uffff", "\0", "é", "\ue000", "😀");
const name = fc.string({ unit: character, maxLength: 3 });
const labels = fc.uniqueArray(fc.record({ name, value: name }), {
  selector: (label) => label.name,
  maxLength: 4,
});

test("one name and label set is one object, in any order, with or without empty labels", () => {
  fc.assert(
    fc.property(name, labels, (metric, list) => {
      const dictionary = createSeriesDictionary();
      const series = dictionary.intern(metric, list);
      expect(dictionary.intern(metric, list.toReversed())).toBe(series);
      expect(dictionary.intern(metric, [...list, { name: "z", value: "" }])).toBe(series);
      expect(dictionary.size).toBe(1);
    }),
  );
});

test("two series share a key only if they are equal", () => {
  const series = fc.record({ metric: name, list: labels });
  fc.assert(
    fc.property(series, series, (a, b) => {
      const x = { metric: a.metric, list: canonicalLabels(a.list) };
      const y = { metric: b.metric, list: canonicalLabels(b.list) };
      const sameKey = seriesKey(x.metric, x.list) === seriesKey(y.metric, y.list);
      expect(sameKey).toBe(JSON.stringify(x) === JSON.stringify(y));
    }),
    { numRuns: 1_000 },
  );
});

test("a value that looks like more labels is none", () => {
  const dictionary = createSeriesDictionary();
  const one = dictionary.intern("m", [{ name: "a", value: "1\uffffb\uffff2" }]);
  const two = dictionary.intern("m", [
    { name: "a", value: "1" },
    { name: "b", value: "2" },
  ]);
  expect(one).not.toBe(two);
});

test("the order of code points is the order of the UTF-8 bytes", () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 1_000 },
  );
});

test("labels come out sorted, and what the caller gave stays as it was", () => {
  const given: Label[] = [
    { name: "b", value: "2" },
    { name: "c", value: "" },
    { name: "B", value: "1" },
  ];
  const copy = structuredClone(given);
  expect(canonicalLabels(given)).toEqual([
    { name: "B", value: "1" },
    { name: "b", value: "2" },
  ]);
  expect(given).toEqual(copy);
});

test("a label name that stands twice is refused by name", () => {
  const twice = [
    { name: "a", value: "1" },
    { name: "a", value: "1" },
  ];
  expect(() => createSeriesDictionary().intern("m", twice)).toThrow(new RangeError('label "a" stands twice'));
});

test("an absent label reads as the empty value", () => {
  const series = createSeriesDictionary().intern("m", [{ name: "a", value: "1" }]);
  expect([labelValue(series, "a"), labelValue(series, "b")]).toEqual(["1", ""]);
});

test("a series is one object, whether it came as parts, as plain text or from another dictionary", () => {
  const plain = fc.uniqueArray(
    fc.record({ name: fc.constantFrom("a", "b", "c"), value: fc.constantFrom("x", "y,z}", "{=") }),
    { selector: ({ name }) => name, maxLength: 3 },
  );
  const odd = fc.constantFrom(
    [{ name: "a", value: 'x",b="x' }],
    [{ name: 'a="x",b', value: "x" }],
    [{ name: "a", value: "x\\" }],
    [{ name: "é", value: "x" }],
    [{ name: "a", value: "" }],
  );
  const one = fc.record({
    name: fc.constantFrom("m", "n:x"),
    labels: fc.oneof({ weight: 5, arbitrary: plain }, odd),
    way: fc.constantFrom("parts", "text", "adopted", "adopted as text"),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 20 }), (list) => {
      const dictionary = createSeriesDictionary();
      const other = createSeriesDictionary();
      const byKey = new Map<string, Series>();
      for (const { name, labels, way } of list) {
        const sorted = canonicalLabels(labels);
        const isPlain = sorted.every((label) => /^[a-c]$/.test(label.name) && !/["\\]/.test(label.value));
        const pairs = sorted.map((label) => `${label.name}="${label.value}"`).join(",");
        const first = way.startsWith("adopted") ? other : dictionary;
        const given =
          way.endsWith("text") && isPlain
            ? first.internPlain!(pairs === "" ? name : `${name}{${pairs}}`, name, sorted)
            : first.intern(name, labels);
        const series = dictionary.adopt(given);
        expect(series).toEqual({ name, labels: sorted });
        const key = seriesKey(name, sorted);
        expect(byKey.get(key) ?? series).toBe(series);
        byKey.set(key, series);
      }
      expect(dictionary.size).toBe(byKey.size);
    }),
    { numRuns: 1000 },
  );
});
