import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.ts";

test("a scrape config of one name and one list has Prometheus' defaults", () => {
  const { config, problems } = parseConfig(
    "scrape_configs: [{ job_name: 1, static_configs: [{ targets: ['a:1'], labels: { zone: 07 } }] }]",
  );
  expect(problems).toEqual([]);
  expect(config?.scrape_configs).toMatchObject([
    {
      job_name: "1",
      scrape_interval: 60_000,
      metrics_path: "/metrics",
      scheme: "http",
      honor_labels: false,
      honor_timestamps: true,
      static_configs: [{ targets: ["a:1"], labels: { zone: "07" } }],
      body_size_limit: 33_554_432,
    },
  ]);
});
