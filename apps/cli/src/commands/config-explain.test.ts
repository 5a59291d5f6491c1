import { join } from "node:path";
import { expect, test } from "vitest";
import { homeWith, runCli, temporaryFolder } from "../../test/run-cli.ts";

const YAML = `app: k1
metrics:
  retention_days: 3
  destinations:
    - name: d
      type: http
      url: https://d.example/ingest?key=s3cret
      auth: { username: "\${NAME}", password: hunter2 }
      headers: { X-Key: h3ader }
      external_labels: { user: "\${USER_HASH}", version: "\${K1_VERSION}" }
    - name: e
      type: prometheus
      url: https://e.example/w
      auth: { token_cmd: "VAULT_TOKEN=s3cret-token pass show s3cret-path" }
      timeout: 1m
`;

interface Explained {
  readonly effective: readonly { name: string; value: string; from: string }[];
  readonly values: readonly {
    path: string;
    value: string;
    from: unknown;
    variables?: Record<string, string>;
  }[];
}

test("each value says whether a flag, the environment, a line or the default set it", async () => {
  const { home } = homeWith(YAML);
  const setup = { home, env: { PROMFERRY_DIR: "j", NAME: "me" } };
  const { json, exitCode } = await runCli(["config", "explain", "--config", "config.yaml", "--json"], setup);
  expect(exitCode).toBe(0);
  const { effective, values } = json() as Explained;
  expect(effective).toEqual([
    { name: "configuration", value: join(home, "config.yaml"), from: "--config" },
    { name: "journal", value: join(home, "j"), from: "PROMFERRY_DIR" },
    { name: "app", value: "k1", from: "app" },
  ]);
  const row = (path: string) => values.find((each) => each.path === path);
  expect(row("metrics.retention_days")).toEqual({
    path: "metrics.retention_days",
    value: "3",
    from: { line: 3 },
  });
  expect(row("metrics.max_bytes")).toMatchObject({ value: "256MiB", from: "default" });
  expect(row("metrics.destinations[0].timeout")).toMatchObject({ value: "30s", from: "default" });
  expect(row("metrics.destinations[1].timeout")).toMatchObject({ value: "1m", from: { line: 15 } });
  expect(row("metrics.destinations[0].auth.username")?.variables).toEqual({ NAME: "set" });
  expect(row("metrics.destinations[0].external_labels")?.variables).toEqual({
    USER_HASH: "built in",
    K1_VERSION: "built in",
  });
  expect(row("metrics.default_destination")).toBeUndefined();
  expect([row("metrics.destinations[0].protocol"), row("metrics.destinations[1].protocol")?.value]).toEqual([
    undefined,
    "1",
  ]);
});

test("no secret is shown, neither as text nor as JSON", async () => {
  const { home } = homeWith(YAML);
  for (const flags of [[], ["--json"]]) {
    const { stdout } = await runCli(["config", "explain", "--config", "config.yaml", ...flags], { home });
    expect(stdout).toContain("(hidden)");
    expect(stdout).not.toMatch(/hunter2|s3cret|h3ader/);
  }
});

test("without a file everything is a default, and a wrong file is told as by any command", async () => {
  const { stdout } = await runCli(["config", "explain"], { home: temporaryFolder() });
  expect(stdout).toMatch(/^configuration {2}\S+\.promferry\/config\.yaml \(not there\) {2}from default$/m);
  expect(stdout).toMatch(/^metrics\.write_interval +5m +default$/m);
  const { home } = homeWith("metrics: { retention_day: 3 }\n");
  const wrong = await runCli(["config", "explain", "--config", "config.yaml"], { home });
  expect(wrong.exitCode).toBe(78);
  expect(wrong.stderr).toContain('did you mean "retention_days"?');
});
