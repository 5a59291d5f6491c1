import { expect, test } from "vitest";
import { createSeriesDictionary } from "./dictionary.ts";
import type { Series } from "./series.ts";
import { SeriesMemo } from "./series-memo.ts";

const [a, b, c] = ["a", "b", "c"].map((name): Series => ({ name, labels: [] })) as [Series, Series, Series];

test("a memo makes one thing for each series object, in whatever order they are asked for", () => {
  let made = 0;
  const memo = new SeriesMemo((series) => ({ name: series.name, number: made++ }));
  const orders = [
    [a, b, c],
    [a, b, c],
    [c, b, a],
    [a, a, b],
    [b, c, b, a],
  ];
  for (const order of orders)
    expect(order.map((series) => memo.of(series).name)).toEqual(order.map(({ name }) => name));
  expect(made).toBe(3);
  expect(memo.of({ name: "a", labels: [] }).number).toBe(3);
});

test("a memo tells series of several dictionaries and of none apart", () => {
  const [one, other] = [createSeriesDictionary(), createSeriesDictionary()];
  const names = ["m", "n", "o"];
  const all = names.flatMap((name) => [one.intern(name, []), other.intern(name, []), { name, labels: [] }]);
  let made = 0;
  const memo = new SeriesMemo(() => ({ number: made++ }));
  const expected = all.map((_, i) => i);
  expect(all.map((series) => memo.of(series).number)).toEqual(expected);
  expect(all.toReversed().map((series) => memo.of(series).number)).toEqual(expected.toReversed());
});
