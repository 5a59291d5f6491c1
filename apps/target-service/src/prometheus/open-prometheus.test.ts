import { expect, test } from "vitest";
import { SettingsError } from "../config/settings.ts";
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

test("a CA that can't be read is told by its variable, as configuration", async () => {
  const opened = openPrometheus(place, { PROMETHEUS_CA_FILE: "/nonexistent/ca.pem" });
  await expect(opened).rejects.toThrow("PROMETHEUS_CA_FILE: ENOENT");
  await expect(opened).rejects.toBeInstanceOf(SettingsError);
});

test("whole credentials, a token's file, or none at all", async () => {
  const both = { PROMETHEUS_USERNAME: "u", PROMETHEUS_PASSWORD_FILE: "/run/secrets/p" };
  for (const env of [{}, both, { PROMETHEUS_USERNAME: "" }]) {
    expect(await openPrometheus(place, env)).toBeDefined();
  }
  expect(await openPrometheus(undefined, both)).toBeUndefined();
});
