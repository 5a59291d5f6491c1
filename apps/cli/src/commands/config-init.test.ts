import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";
import { parseConfig } from "../config/parse-config.ts";
import { configJsonSchema } from "../config/schema.ts";
import { CONFIG_TEMPLATE } from "../config/template.ts";

test("config init writes a file for its owner alone that config check finds nothing in, and never over another", async () => {
  const home = temporaryFolder();
  const file = join(home, ".promferry/config.yaml");
  expect((await runCli(["config", "init"], { home })).stdout).toContain(`wrote ${file}`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, ".promferry")).mode & 0o777).toBe(0o700);
  expect((await runCli(["config", "check"], { home })).stdout).toContain("0 errors, 0 warnings");
  const again = await runCli(["config", "init"], { home });
  expect(again.exitCode).toBe(78);
  expect(again.stderr).toContain("is there already and stays as it is");
  expect(readFileSync(file, "utf8")).toBe(CONFIG_TEMPLATE);
  expect((await runCli(["config", "init", "--print"], { home })).stdout).toBe(CONFIG_TEMPLATE);
});

/** The template with each setting and example in force; its explanations begin with a blank behind the `#`. */
const IN_FORCE = CONFIG_TEMPLATE.replace(/^ *# \S.*$/gm, "")
  .replace("destinations: []", "destinations:")
  .replace(/^( *)#/gm, "$1");

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly default?: unknown;
}

test("every commented setting of the template can be taken as it stands", () => {
  const { problems, config } = parseConfig(IN_FORCE);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(config?.metrics.destinations.map(({ name }) => name)).toEqual(["grafana", "gateway", "own"]);
});

test("the template names every setting of metrics and targets, defaults as they are", () => {
  const { raw } = parseConfig(IN_FORCE);
  const { metrics = {}, targets = {} } = (configJsonSchema() as Schema).properties ?? {};
  const found = raw as { metrics: Record<string, unknown>; targets: Record<string, unknown> };
  expect(Object.keys(found.metrics).sort()).toEqual(Object.keys(metrics.properties ?? {}).sort());
  for (const [key, { default: value }] of Object.entries(metrics.properties ?? {})) {
    if (value !== undefined && key !== "destinations")
      expect([key, found.metrics[key]]).toEqual([key, value]);
  }
  expect(Object.keys(targets.properties ?? {})).toEqual(expect.arrayContaining(Object.keys(found.targets)));
});
