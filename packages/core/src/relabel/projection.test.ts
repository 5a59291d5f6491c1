import { expect, test } from "vitest";
import type { ProjectionContext } from "../merge/projection.ts";
import { relabelProjection } from "./projection.ts";
import type { RelabelConfig } from "./relabel-config.ts";

const context: ProjectionContext = {
  family: { name: "m", type: "gauge", help: "", unit: "" },
  origin: "app",
  session: { startedMs: 0, intervalMs: 1 },
};
const series = { name: "m", labels: [{ name: "a", value: "1" }] };

for (const { name, rules, projected } of [
  { name: "no rules leave a series as it is", rules: [], projected: series },
  {
    name: "rules rename and label",
    rules: [
      { target_label: "__name__", replacement: "n" },
      { target_label: "b", replacement: "2" },
    ],
    projected: { name: "n", labels: [...series.labels, { name: "b", value: "2" }] },
  },
  {
    name: "a dropped series is withheld",
    rules: [{ source_labels: ["__name__"], regex: "m", action: "drop" }],
    projected: { withheld: "dropped by a relabelling rule" },
  },
  {
    name: "a series without a name is withheld",
    rules: [{ regex: "a", action: "labelkeep" }],
    projected: { withheld: "a relabelling rule took its name" },
  },
] satisfies { name: string; rules: RelabelConfig[]; projected: unknown }[]) {
  test(`relabelProjection: ${name}`, () => {
    expect(relabelProjection(rules)(series, context)).toEqual(projected);
  });
}
