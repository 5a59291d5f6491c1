import { expect, test } from "vitest";
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
