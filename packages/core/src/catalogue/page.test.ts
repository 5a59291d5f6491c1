import { expect, test } from "vitest";
import { counter, gauge, open, pattern } from "./definition.ts";
import { defineMetrics } from "./metrics.ts";
import { cataloguePage } from "./page.ts";

test("the page says of every metric what it counts, why, and which values its labels take", () => {
  const { catalogue } = defineMetrics(
    { namespace: "k1" },
    {
      views: counter({
        name: "views_total",
        help: "Views | opens.",
        why: "Use.",
        labels: { screen: ["pods", "nodes"] },
      }),
      cached: gauge({
        name: "cached",
        help: "Cached.",
        labels: { resource: open({ max: 30 }), version: pattern(/v\d+|dev/) },
      }),
      width: gauge({ name: "width", help: "Width." }),
    },
  );
  expect(cataloguePage(catalogue).split("\n")).toEqual([
    "| metric | what it counts | why | labels |",
    "| --- | --- | --- | --- |",
    "| `k1_cached` (gauge) | Cached. | – | `resource`: up to 30 different values<br>`version`: values of the form `v\\\\d+\\|dev`, up to 100 |",
    expect.stringMatching(
      /^\| `k1_dropped_series_total` \(counter\) .* `reason`: unknown_value, overflow, bad_label, bad_value, error \|$/,
    ),
    "| `k1_views_total` (counter) | Views \\| opens. | Use. | `screen`: pods, nodes |",
    "| `k1_width` (gauge) | Width. | – | – |",
    "",
  ]);
});
