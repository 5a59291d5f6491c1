/** Where things lie on an instance; the agent's defaults and the units agree on them. */
export const PATHS = {
  agent: "/usr/local/lib/promferry/agent",
  config: "/etc/promferry/agent.conf",
  ca: "/etc/promferry/ca.pem",
  /** In the state folder, where the agent may delete it. */
  joinToken: "/var/lib/promferry/join-token",
  addressFile: "/run/promferry/address.env",
  /** For an exporter that brings no folder of its own. */
  textfileDir: "/run/promferry/textfile",
  exporterProgram: "/usr/local/bin/node_exporter",
} as const;

/** A file of the instance, before it is written into user data or an image. */
export interface InstanceFile {
  readonly path: string;
  /** As `chmod` takes it, four octal digits. */
  readonly mode: "0600" | "0644" | "0755";
  readonly content: string;
}
