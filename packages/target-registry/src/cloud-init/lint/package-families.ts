import type { Family } from "../distribution.ts";

const EVERY: readonly Family[] = ["debian", "fedora", "rhel", "suse", "alpine"];

/**
 * Names that differ between families, by the families that have them. A name that is not here is not judged.
 *
 * An empty list: in no family's own repositories.
 */
const FAMILIES: Readonly<Record<string, readonly Family[]>> = {
  "prometheus-node-exporter": ["debian", "alpine"],
  "node-exporter": ["fedora"],
  "golang-github-prometheus-node_exporter": ["suse"],
  "docker.io": ["debian"],
  "docker-ce": [],
  docker: ["suse", "alpine"],
  "moby-engine": ["fedora"],
  podman: EVERY,
  iproute2: ["debian", "suse", "alpine"],
  iproute: ["fedora", "rhel"],
  apache2: ["debian", "suse", "alpine"],
  httpd: ["fedora", "rhel"],
  "build-essential": ["debian"],
  "build-base": ["alpine"],
  "gcc-c++": ["fedora", "rhel", "suse"],
  "python3-dev": ["debian", "alpine"],
  "python3-devel": ["fedora", "rhel", "suse"],
  "libssl-dev": ["debian"],
  "openssl-devel": ["fedora", "rhel"],
  "netcat-openbsd": ["debian", "suse", "alpine"],
  dnsutils: ["debian"],
  "bind-utils": ["fedora", "rhel", "suse"],
  "apt-transport-https": ["debian"],
  "epel-release": ["rhel"],
  "vim-enhanced": ["fedora", "rhel"],
};

/** Families that have the package; undefined where nothing is known of it. */
export function familiesOf(name: string): readonly Family[] | undefined {
  return Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : undefined;
}
