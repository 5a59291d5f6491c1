import { expect, test } from "vitest";
import { renderImageBuildScript } from "./image-build-script.ts";
import { lintUserData } from "./lint/lint-user-data.ts";

test("the image gets packages, enabled units, and nothing of one instance", () => {
  const script = renderImageBuildScript();
  expect(script).toMatch(/apt-get install .* prometheus-node-exporter\n/);
  expect(script).toMatch(
    /enable promferry-address\.service promferry-agent\.service promferry-heartbeat\.timer prometheus-node-exporter\.service\n/,
  );
  expect(script).not.toMatch(/put \d+ \S*(?:join-token|agent\.conf)/);
  expect(lintUserData(script, { os: "debian" })).toEqual([]);
  expect(renderImageBuildScript()).toBe(script);
});

test("an image in it is pinned too", () => {
  expect(() => renderImageBuildScript({ cadvisor: { image: "cadvisor:latest" } })).toThrow(
    expect.objectContaining({ code: "ERR_USER_DATA_UNPINNED" }),
  );
});
