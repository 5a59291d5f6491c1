/** How the node exporter gets onto the instance. */
export type ExporterChoice =
  /** From the distribution's repositories: runs as its own user, no container engine. The default. */
  | { readonly kind: "package" }
  /** A static build: `url` is a tar.gz with a program `node_exporter`, whose digest is checked on the instance. */
  | { readonly kind: "binary"; readonly url: string; readonly sha256: string }
  /** A container in the host's network; `image` is `name@sha256:<digest>`. */
  | { readonly kind: "container"; readonly image: string }
  /** Something else exports, or nothing does. */
  | { readonly kind: "none" };

/** What the exporter and cAdvisor may use; enforced by the unit or by the container engine. */
export interface AgentLimits {
  /** MiB. Default 64: the Debian build was seen at 20. */
  readonly exporterMemoryMib: number;
  /** Percent of one core. Default 20. */
  readonly exporterCpuPercent: number;
  /** MiB. Default 160. */
  readonly cadvisorMemoryMib: number;
  /** Percent of one core. Default 30. */
  readonly cadvisorCpuPercent: number;
}

export const DEFAULT_LIMITS: AgentLimits = {
  exporterMemoryMib: 64,
  exporterCpuPercent: 20,
  cadvisorMemoryMib: 160,
  cadvisorCpuPercent: 30,
};

/** Ports that the two listen on. */
export const EXPORTER_PORT = 9100;
export const CADVISOR_PORT = 8080;
