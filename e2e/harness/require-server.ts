import { describe, type TestContext } from "vitest";
import { missingServers } from "../../tools/servers.mjs";

/** A key of `SERVERS` or `TREES` in tools/servers.mjs. */
export type ServerName =
  | "cloud-init"
  | "fish"
  | "node-exporter-package"
  | "prometheus"
  | "promtool"
  | "pushgateway"
  | "node-exporter"
  | "victoria-metrics"
  | "vmagent"
  | "caddy"
  | "zsh";

/**
 * Says which servers a test needs; its first line.
 *
 * Where one is missing the test is skipped, and its name stands in the list of claims that were not shown.
 *
 * @throws {Error} In CI, where nothing may go unshown.
 */
export function requireServer(context: Pick<TestContext, "skip">, ...names: readonly ServerName[]): void {
  const missing = missingOf(names);
  if (missing.length > 0) context.skip(`needs ${missing.join(", ")}`);
}

/** The same for tests that share servers: `body` is skipped as a whole. */
export function describeWithServers(names: readonly ServerName[], title: string, body: () => void): void {
  let missing: string[];
  try {
    missing = missingOf(names);
  } catch (error) {
    // The file must fail, not only this block.
    throw new Error(`${title}: ${(error as Error).message}`);
  }
  describe.skipIf(missing.length > 0)(title, body);
}

function missingOf(names: readonly ServerName[]): string[] {
  const absent = missingServers();
  const missing = names.filter((name) => absent.includes(name));
  if (missing.length > 0 && process.env["CI"] === "true") {
    throw new Error(`missing in CI: ${missing.join(", ")}; run node tools/servers.mjs`);
  }
  return missing;
}
