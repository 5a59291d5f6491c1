import { expect, test } from "vitest";
import { SampleList, type TotalSample } from "./sample-list.ts";

const family = { name: "m", type: "gauge", help: "", unit: "" } as const;
const series = { name: "m", labels: [] };
const exemplars = [{ labels: [], value: 1, timestampMs: 5 }];

test("a list gives back each sample as it was taken, in order", () => {
  const samples: TotalSample[] = [
    { series, family, timestampMs: 1, value: 0.5 },
    { series, family, timestampMs: 2, value: null },
    { series, family, timestampMs: 3, value: 3, exemplars, startMs: 1 },
    { series, family, timestampMs: 4, value: Number.NaN, startMs: 1 },
  ];
  const list = SampleList.of(samples);
  expect(list.length).toBe(4);
  expect([...list]).toEqual(samples);
  expect(list.at(2)).toEqual(samples[2]);
});

test("a list takes another one in, and is empty when it is cleared", () => {
  const sample = (timestampMs: number): TotalSample => ({ series, family, timestampMs, value: timestampMs });
  const marked: TotalSample[] = [
    { series, family, timestampMs: 98, value: null },
    { series, family, timestampMs: 99, value: 1, exemplars, startMs: 1 },
  ];
  const one = Array.from({ length: 10 }, (_, i) => sample(i));
  const other = [...Array.from({ length: 40 }, (_, i) => sample(10 + i)), ...marked];
  const list = SampleList.of(one);
  list.add(SampleList.of(other));
  expect([...list]).toEqual([...one, ...other]);
  list.clear();
  expect([...list]).toEqual([]);
  list.add(SampleList.of(one));
  expect([...list]).toEqual(one);
});
