/** Families of distributions: one package manager, one set of names. */
export type Family = "debian" | "fedora" | "rhel" | "suse" | "alpine";

export type Distribution = "debian" | "ubuntu" | "fedora" | "rocky" | "opensuse" | "alpine";

/** The exporter as a distribution packages it. */
export interface ExporterPackage {
  readonly package: string;
  /** Service that the package brings, without ending. */
  readonly service: string;
  readonly program: string;
  /** Folder whose `*.prom` files the exporter shows. */
  readonly textfileDir: string;
}

export interface DistributionFacts {
  readonly family: Family;
  readonly init: "systemd" | "openrc";
  /** Whether a rendering has been executed with cloud-init's own code and the package's own programs. */
  readonly proven: boolean;
  /** What `v1.distro` says, all versions and editions. */
  readonly cloudInitNames: readonly string[];
  /** Absent where the base repositories have none. */
  readonly exporter?: ExporterPackage;
  /** Engine for containers, by default the one in the base repositories. */
  readonly engine: { readonly package: string; readonly program: string; readonly service?: string };
  /** What the agent needs and a minimal image may lack. */
  readonly agentPackages: readonly string[];
}

const DEBIAN: DistributionFacts = {
  family: "debian",
  init: "systemd",
  proven: true,
  cloudInitNames: ["debian"],
  exporter: {
    package: "prometheus-node-exporter",
    service: "prometheus-node-exporter",
    program: "/usr/bin/prometheus-node-exporter",
    textfileDir: "/var/lib/prometheus/node-exporter",
  },
  engine: { package: "docker.io", program: "/usr/bin/docker", service: "docker.service" },
  agentPackages: ["curl", "ca-certificates", "iproute2"],
};

/**
 * What each distribution calls things. Only entries with `proven` have been run; the names of the others come
 * from their documentation and may be wrong.
 */
export const DISTRIBUTIONS: Readonly<Record<Distribution, DistributionFacts>> = {
  debian: DEBIAN,
  ubuntu: { ...DEBIAN, cloudInitNames: ["ubuntu"] },
  fedora: {
    family: "fedora",
    init: "systemd",
    proven: false,
    cloudInitNames: ["fedora"],
    exporter: {
      package: "node-exporter",
      service: "prometheus-node-exporter",
      program: "/usr/bin/node_exporter",
      textfileDir: "/var/lib/prometheus/node-exporter",
    },
    engine: { package: "podman", program: "/usr/bin/podman" },
    agentPackages: ["curl", "ca-certificates", "iproute"],
  },
  rocky: {
    family: "rhel",
    init: "systemd",
    proven: false,
    cloudInitNames: ["rocky", "almalinux", "rhel", "centos"],
    engine: { package: "podman", program: "/usr/bin/podman" },
    agentPackages: ["curl", "ca-certificates", "iproute"],
  },
  opensuse: {
    family: "suse",
    init: "systemd",
    proven: false,
    cloudInitNames: ["opensuse", "opensuse-leap", "opensuse-tumbleweed", "opensuse-microos", "sles"],
    exporter: {
      package: "golang-github-prometheus-node_exporter",
      service: "prometheus-node_exporter",
      program: "/usr/bin/node_exporter",
      textfileDir: "/var/lib/prometheus/node-exporter",
    },
    engine: { package: "podman", program: "/usr/bin/podman" },
    agentPackages: ["curl", "ca-certificates", "iproute2"],
  },
  alpine: {
    family: "alpine",
    init: "openrc",
    proven: false,
    cloudInitNames: ["alpine"],
    exporter: {
      package: "prometheus-node-exporter",
      service: "node-exporter",
      program: "/usr/bin/node_exporter",
      textfileDir: "/var/lib/prometheus/node-exporter",
    },
    engine: { package: "docker", program: "/usr/bin/docker", service: "docker" },
    agentPackages: ["curl", "ca-certificates", "iproute2"],
  },
};
