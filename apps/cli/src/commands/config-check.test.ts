import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { homeWith, runCli } from "../../test/run-cli.ts";

const SAMPLE = readFileSync(new URL("../../test/sample-config.yaml", import.meta.url), "utf8");

test("config check accepts the sample as it stands and warns only of the variable that is not set", async () => {
  const { home } = homeWith(SAMPLE);
  const { exitCode, stdout, stderr } = await runCli(["config", "check", "--config", "config.yaml"], { home });
  expect(exitCode).toBe(0);
  expect(stderr).toBe("");
  expect(stdout.match(/warning: .*/g)).toEqual([
    "warning: the variable GRAFANA_USER is not set; grafana-cloud needs it when it is used",
  ]);
  expect(stdout).toContain("config.yaml is fine: 0 errors, 1 warning");
  const set = await runCli(["config", "check", "--config", "config.yaml", "--json"], {
    home,
    env: { GRAFANA_USER: "u" },
  });
  expect(set.json()).toMatchObject({ ok: true, problems: [] });
});

test("config check shows every error and exits 78", async () => {
  const { home } = homeWith("metrics:\n  retention_day: 1\n  enabled: yess\n");
  const { exitCode, stdout } = await runCli(["config", "check", "--config", "config.yaml"], { home });
  expect(exitCode).toBe(78);
  expect(stdout).toContain('unknown key "retention_day"; did you mean "retention_days"?');
  expect(stdout).toContain('3:12: expected true or false, got "yess"');
});

for (const args of [
  ["config", "check"],
  ["config", "check", "--config", "nowhere.yaml"],
]) {
  test(`${args.join(" ")} without a file says which one is missing`, async () => {
    const { exitCode, stderr } = await runCli(args);
    expect(exitCode).toBe(78);
    expect(stderr).toMatch(/^promferry: there is no configuration file .*\n {2}\S/);
  });
}

test("a configuration may come from PROMFERRY_CONFIG", async () => {
  const { home } = homeWith("app: x\n");
  const { exitCode } = await runCli(["config", "check"], { home, env: { PROMFERRY_CONFIG: "config.yaml" } });
  expect(exitCode).toBe(0);
});

test("config schema prints JSON Schema", async () => {
  const { exitCode, json } = await runCli(["config", "schema"]);
  expect(exitCode).toBe(0);
  expect(json()).toMatchObject({ type: "object", additionalProperties: false });
});

test("a secret that stands in the file is not shown with its line, and the caret stays where it was", async () => {
  const { home } = homeWith(`metrics:
  destinations:
    - { name: d, type: http, url: "https://h.example", auth: { username: bob, password: "hunter2-secret" } }
    - { name: e, type: http, url: "https://h.example", auth: { token: hunter3-secret }, nonsense: 1 }
`);
  const { stdout } = await runCli(["config", "check", "--config", "config.yaml"], { home });
  expect(stdout).toContain("a secret in plain text");
  expect(stdout).toContain('unknown key "nonsense"');
  expect(stdout).not.toMatch(/hunter\d-secret/);
  expect(stdout).toContain("username: bob, password: **************** }");
});
