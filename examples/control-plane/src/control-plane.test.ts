import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createControlPlane } from "./control-plane.ts";
import { createMetrics } from "./metrics.ts";
import { createApi } from "./server.ts";

async function start() {
  const metrics = createMetrics();
  const api = createApi(createControlPlane(metrics), metrics).listen(0, "127.0.0.1");
  await once(api, "listening");
  onTestFinished(() => void api.close());
  const base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const call = async (method: string, path: string, team: string) =>
    (await fetch(`${base}${path}`, { method, headers: { "X-Team": team } })).status;
  const samples = async () =>
    (await (await fetch(`${base}/metrics`)).text())
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
  return { call, samples };
}

test("a team's resources are counted as they come and go", async () => {
  const { call, samples } = await start();
  expect(await call("PUT", "/teams/payments/clusters/a", "payments")).toBe(200);
  expect(await call("PUT", "/teams/payments/clusters/a", "payments")).toBe(200);
  expect(await call("PUT", "/teams/payments/clusters/b", "payments")).toBe(200);
  expect(await call("PUT", "/teams/billing/routes/r", "billing")).toBe(200);
  expect(await call("DELETE", "/teams/payments/clusters/b", "payments")).toBe(200);
  expect(await call("DELETE", "/teams/payments/clusters/b", "payments")).toBe(404);
  expect(await samples()).toEqual(
    expect.arrayContaining([
      'controlplane_team_resources{team="payments",resource_type="cluster"} 1',
      'controlplane_team_resources{team="billing",resource_type="route"} 1',
    ]),
  );
});

test("who reaches for another team's resource is refused and counted, and changes nothing", async () => {
  const { call, samples } = await start();
  await call("PUT", "/teams/billing/listeners/l", "billing");
  for (const method of ["PUT", "GET", "DELETE"]) {
    expect(await call(method, "/teams/billing/listeners/l", "payments")).toBe(403);
  }
  expect(await call("GET", "/teams/billing/listeners/l", "billing")).toBe(200);
  expect(await samples()).toEqual(
    expect.arrayContaining([
      'controlplane_cross_team_access_attempts_total{from_team="payments",to_team="billing",resource_type="listener"} 3',
      'controlplane_team_resources{team="billing",resource_type="listener"} 1',
    ]),
  );
});

test("no resource's id is on the page, and the teams beyond the cap share one series", async () => {
  const { call, samples } = await start();
  for (let i = 0; i < 120; i++) await call("PUT", `/teams/team-${i}/clusters/alice-laptop`, `team-${i}`);
  const page = await samples();
  expect(page.join("\n")).not.toContain("alice");
  const teams = page.filter((line) => line.startsWith("controlplane_team_resources{"));
  expect(teams).toHaveLength(101);
  expect(teams.some((line) => line.includes('team="other"'))).toBe(true);
});

for (const path of [
  "/",
  "/teams/payments/secrets/a",
  "/teams/Pay%20ments/clusters/a",
  "/teams/payments/clusters/",
]) {
  test(`${path} is no resource`, async () => {
    expect(await (await start()).call("PUT", path, "payments")).toBe(400);
  });
}
