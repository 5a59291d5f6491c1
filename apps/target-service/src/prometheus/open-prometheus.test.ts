import { expect, test } from "vitest";
import { openPrometheus } from "./open-prometheus.ts";

const place = { url: "http://127.0.0.1:9090", tokenFile: undefined };

test.each([{ PROMETHEUS_USERNAME: "u" }, { PROMETHEUS_PASSWORD_FILE: "/run/secrets/p" }])(
  "half of the credentials is an error, not a question without any: %o",
  async (env) => {
    await expect(openPrometheus(place, env)).rejects.toThrow(
      "PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD_FILE",
    );
  },
);

test("whole credentials, a token's file, or none at all", async () => {
  const both = { PROMETHEUS_USERNAME: "u", PROMETHEUS_PASSWORD_FILE: "/run/secrets/p" };
  for (const env of [{}, both, { PROMETHEUS_USERNAME: "" }]) {
    expect(await openPrometheus(place, env)).toBeDefined();
  }
  expect(await openPrometheus(undefined, both)).toBeUndefined();
});
