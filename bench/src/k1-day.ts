/** A page of 200 families and 2,000 series, as a program's flush has it, always the same. */

import { createSeriesDictionary, type MetricFamily } from "@promferry/core/series";

export const SERIES_COUNT = 2000;

/** The families of one flush, `step` flushes after the start. */
export function k1Families(step: number): readonly MetricFamily[] {
  const dictionary = createSeriesDictionary();
  return Array.from({ length: 200 }, (_, f) => {
    const name = `k1_operation_${f}_total`;
    const series = Array.from({ length: 10 }, (_, s) =>
      dictionary.intern(name, [
        { name: "resource", value: `resource-${s}` },
        { name: "operation", value: `operation-${f % 7}` },
      ]),
    );
    return {
      name,
      type: "counter" as const,
      help: `Operations of kind ${f}.`,
      unit: "",
      series,
      values: series.map((_, s) => (f * 31 + s * 17 + step * 3) % 100_000),
      timestampsMs: series.map(() => Number.NaN),
    };
  });
}
