import { AGENT_SCRIPT } from "./agent-script.ts";
import { agentUnits } from "./agent-units.ts";
import type { DistributionFacts } from "./distribution.ts";
import {
  type AgentLimits,
  CADVISOR_PORT,
  DEFAULT_LIMITS,
  EXPORTER_PORT,
  type ExporterChoice,
} from "./exporter-choice.ts";
import { cadvisorUnit, exporterBinaryUnit, exporterContainerUnit, exporterDropIn } from "./exporter-units.ts";
import { openrcFiles } from "./openrc.ts";
import { type InstanceFile, PATHS } from "./paths.ts";
import { pinnedImage } from "./pinned.ts";
import { UserDataError } from "./user-data-error.ts";
import type { UserDataOptions } from "./user-data-options.ts";

/** What one distribution gets: the same for user data and for an image. */
export interface InstancePlan {
  readonly packages: readonly string[];
  /** Units and programs; nothing secret, nothing of one instance. */
  readonly files: readonly InstanceFile[];
  /** Run once, in this order, each as an argument list. */
  readonly commands: readonly (readonly string[])[];
  /** Services of the exporters, to be enabled and started. */
  readonly services: readonly string[];
  readonly textfileDir: string;
}

export type PlanOptions = Pick<UserDataOptions, "os" | "exporter" | "cadvisor" | "limits">;

/**
 * Packages, files and commands for one distribution.
 *
 * @throws {UserDataError} ERR_USER_DATA_UNPINNED; ERR_USER_DATA_OPTION where the distribution can't do what is asked.
 */
export function planInstance(
  distribution: string,
  facts: DistributionFacts,
  options: PlanOptions,
): InstancePlan {
  const { exporter = { kind: "package" }, cadvisor } = options;
  const limits: AgentLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const usesEngine = exporter.kind === "container" || cadvisor !== undefined;
  if (facts.init === "openrc" && (usesEngine || exporter.kind === "binary")) {
    throw new UserDataError(
      "ERR_USER_DATA_OPTION",
      `exporter: ${distribution} has no systemd; only its package is supported`,
    );
  }
  if (exporter.kind === "package" && facts.exporter === undefined) {
    throw new UserDataError(
      "ERR_USER_DATA_OPTION",
      `exporter: ${distribution} has no node exporter in its base repositories; use kind "binary" or "container"`,
    );
  }
  const textfileDir = exporter.kind === "package" ? facts.exporter!.textfileDir : PATHS.textfileDir;
  const commands: (readonly string[])[] = [];
  const services: string[] = [];
  const files: InstanceFile[] = [{ path: PATHS.agent, mode: "0755", content: AGENT_SCRIPT }];
  const packages = [...facts.agentPackages];

  files.push(
    ...(facts.init === "openrc" ? openrcFiles(exporterPackage(exporter, facts)) : agentUnits(textfileDir)),
  );
  if (usesEngine) {
    packages.push(facts.engine.package);
    if (facts.engine.service) services.push(facts.engine.service);
  }
  switch (exporter.kind) {
    case "package":
      packages.push(facts.exporter!.package);
      if (facts.init === "systemd") files.push(exporterDropIn(facts.exporter!, limits));
      services.push(
        facts.init === "systemd" ? `${facts.exporter!.service}.service` : facts.exporter!.service,
      );
      break;
    case "binary":
      checkDownload(exporter);
      commands.push([PATHS.agent, "fetch", exporter.url, exporter.sha256, PATHS.exporterProgram]);
      files.push(exporterBinaryUnit(limits));
      services.push("promferry-node-exporter.service");
      break;
    case "container":
      files.push(exporterContainerUnit(facts.engine, pinnedImage("exporter.image", exporter.image), limits));
      services.push("promferry-node-exporter.service");
      break;
    case "none":
      break;
  }
  if (cadvisor !== undefined) {
    files.push(cadvisorUnit(facts.engine, pinnedImage("cadvisor.image", cadvisor.image), limits));
    services.push("promferry-cadvisor.service");
  }
  return { packages, files, commands, services, textfileDir };
}

/** Endpoints to register, as the agent's configuration has them: `name:port`. */
export function endpointsOf(options: UserDataOptions): readonly string[] {
  const { exporter = { kind: "package" }, cadvisor, endpoints = [] } = options;
  return [
    ...(exporter.kind === "none" ? [] : [`node:${EXPORTER_PORT}`]),
    ...(cadvisor === undefined ? [] : [`cadvisor:${CADVISOR_PORT}`]),
    ...endpoints.map(({ name, port }) => `${name}:${port}`),
  ];
}

function exporterPackage(exporter: ExporterChoice, facts: DistributionFacts): DistributionFacts["exporter"] {
  return exporter.kind === "package" ? facts.exporter : undefined;
}

function checkDownload({ url, sha256 }: { readonly url: string; readonly sha256: string }): void {
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new UserDataError(
      "ERR_USER_DATA_UNPINNED",
      `exporter.sha256: expected 64 hex digits in lower case, got ${JSON.stringify(String(sha256).slice(0, 80))}`,
    );
  }
  if (!/^https:\/\/[A-Za-z0-9.:/_~%+-]+$/.test(url)) {
    throw new UserDataError(
      "ERR_USER_DATA_OPTION",
      `exporter.url: expected an https address, got ${JSON.stringify(url.slice(0, 120))}`,
    );
  }
}
