import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { query, requireServer, startPrometheus, startSource, workspaceRoot } from "./harness/index.ts";

test("a real Prometheus answers what each team has and how often a team reached for another's", async (context) => {
  requireServer(context, "prometheus");
  const program = await startSource(join(workspaceRoot, "examples/control-plane/src/main.ts"), [
    "--port",
    "0",
  ]);
  onTestFinished(program.stop);
  const [, base = ""] = await program.waitFor(/^(http:\/\/\S+)\/metrics$/m);
  const call = (method: string, path: string, team: string) =>
    fetch(`${base}${path}`, { method, headers: { "X-Team": team } });
  const put = async (team: string, type: string, count: number) => {
    for (let i = 0; i < count; i++) await call("PUT", `/teams/${team}/${type}/r${i}`, team);
  };
  await put("payments", "clusters", 42);
  await put("payments", "routes", 15);
  await put("billing", "listeners", 3);

  const prometheus = await startPrometheus({
    scrapeConfigs: [
      {
        job_name: "control-plane",
        scrape_interval: "1s",
        static_configs: [{ targets: [new URL(base).host] }],
      },
    ],
  });
  onTestFinished(prometheus.stop);
  const ask = async (expression: string) =>
    (await query(prometheus.url, expression)).map(({ labels, value }) => [labels, Number(value)]);
  await expect
    .poll(() => ask("sum by (team) (controlplane_team_resources)"), { timeout: 20_000 })
    .toEqual(
      expect.arrayContaining([
        [{ team: "payments" }, 57],
        [{ team: "billing" }, 3],
      ]),
    );

  // Growth is seen from the first sample on: the attempt that made the series is not in it.
  await call("GET", "/teams/billing/listeners/r0", "payments");
  const attempts = "controlplane_cross_team_access_attempts_total";
  await expect.poll(async () => (await ask(attempts)).length, { timeout: 20_000 }).toBe(1);
  for (let i = 0; i < 4; i++)
    expect((await call("GET", "/teams/billing/listeners/r0", "payments")).status).toBe(403);
  await call("DELETE", "/teams/payments/clusters/r0", "payments");
  await expect.poll(async () => (await ask(attempts))[0]?.[1], { timeout: 20_000 }).toBe(5);
  await expect
    .poll(async () => (await ask(`sum(increase(${attempts}[1m]))`))[0]?.[1], { timeout: 20_000 })
    .toBeGreaterThan(3);
  expect((await ask('controlplane_team_resources{team="payments",resource_type="cluster"}'))[0]?.[1]).toBe(
    41,
  );
});
