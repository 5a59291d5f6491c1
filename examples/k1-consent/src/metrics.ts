import { counter, defineMetrics, histogram } from "@promferry/core";

export const SCREENS = ["pods", "deployments", "nodes"] as const;
export type Screen = (typeof SCREENS)[number];

/** Everything that the program may count; COLLECTED.md and catalog.json are made of it. */
export function createMetrics() {
  return defineMetrics(
    { namespace: "k1" },
    {
      screenViews: counter({
        name: "screen_views_total",
        help: "Screens opened.",
        why: "Says which screens deserve work, and which nobody finds.",
        labels: { screen: SCREENS },
      }),
      screenRender: histogram({
        name: "screen_render_duration_seconds",
        help: "Time to draw a screen.",
        why: "A frame that takes more than 50 ms is felt; shows which screens do.",
        labels: { screen: SCREENS },
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1],
      }),
    },
  );
}
