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
