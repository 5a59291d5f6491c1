import type { DistributionFacts, ExporterPackage } from "./distribution.ts";
import { type AgentLimits, CADVISOR_PORT, EXPORTER_PORT } from "./exporter-choice.ts";
import { type InstanceFile, PATHS } from "./paths.ts";

/** Interfaces that no network graph should count: loopback, containers, bridges, tunnels. */
const VIRTUAL_DEVICES = "^(lo|veth.*|docker.*|br-.*|virbr.*|podman.*|cni.*|flannel.*|cali.*|vxlan.*|tap.*)$";

// A `$` is doubled for systemd. FERRY_HOST comes from the address file: where that is missing the service does
// not start, rather than listen on every interface.
const EXPORTER_FLAGS = [
  `--web.listen-address=\${FERRY_HOST}:${EXPORTER_PORT}`,
  `--collector.netdev.device-exclude=${VIRTUAL_DEVICES.replaceAll("$", "$$$$")}`,
  `--collector.netclass.ignored-devices=${VIRTUAL_DEVICES.replaceAll("$", "$$$$")}`,
];

const ADDRESS = `Requires=promferry-address.service
After=promferry-address.service`;

/** Drop-in for the distribution's own unit: private address, limits, no virtual interfaces. */
export function exporterDropIn(exporter: ExporterPackage, limits: AgentLimits): InstanceFile {
  return {
    path: `/etc/systemd/system/${exporter.service}.service.d/promferry.conf`,
    mode: "0644",
    content: `[Unit]
${ADDRESS}

[Service]
EnvironmentFile=${PATHS.addressFile}
ExecStart=
ExecStart=${command([exporter.program, ...EXPORTER_FLAGS, `--collector.textfile.directory=${exporter.textfileDir}`])}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
${unitLimits(limits)}
`,
  };
}

/** Unit for a static build of the node exporter. */
export function exporterBinaryUnit(limits: AgentLimits): InstanceFile {
  return {
    path: "/etc/systemd/system/promferry-node-exporter.service",
    mode: "0644",
    content: `[Unit]
Description=Node exporter
${ADDRESS}

[Service]
EnvironmentFile=${PATHS.addressFile}
ExecStart=${command([PATHS.exporterProgram, ...EXPORTER_FLAGS, `--collector.textfile.directory=${PATHS.textfileDir}`])}
DynamicUser=yes
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
${unitLimits(limits)}

[Install]
WantedBy=multi-user.target
`,
  };
}

/** Unit for the node exporter as a container: the host's network and processes, its root read-only, no capability. */
export function exporterContainerUnit(
  engine: DistributionFacts["engine"],
  image: string,
  limits: AgentLimits,
): InstanceFile {
  return containerUnit(engine, "promferry-node-exporter", "Node exporter (container)", [
    "--net=host",
    "--pid=host",
    "--user=65534:65534",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    ...engineLimits(limits.exporterMemoryMib, limits.exporterCpuPercent),
    "--volume=/:/host:ro,rslave",
    image,
    "--path.rootfs=/host",
    ...EXPORTER_FLAGS,
    `--collector.textfile.directory=/host${PATHS.textfileDir}`,
  ]);
}

/**
 * Unit for cAdvisor, published on the private address only: a published port goes past the host's firewall.
 * Without `--privileged`; it has not been run here.
 */
export function cadvisorUnit(
  engine: DistributionFacts["engine"],
  image: string,
  limits: AgentLimits,
): InstanceFile {
  return containerUnit(engine, "promferry-cadvisor", "cAdvisor (container)", [
    `--publish=\${FERRY_HOST}:${CADVISOR_PORT}:8080`,
    "--security-opt=no-new-privileges",
    ...engineLimits(limits.cadvisorMemoryMib, limits.cadvisorCpuPercent),
    "--volume=/:/rootfs:ro",
    "--volume=/var/run:/var/run:ro",
    "--volume=/sys:/sys:ro",
    ...(engine.package === "podman" ? [] : ["--volume=/var/lib/docker/:/var/lib/docker:ro"]),
    "--volume=/dev/disk/:/dev/disk:ro",
    "--device=/dev/kmsg",
    image,
    "--housekeeping_interval=30s",
    "--docker_only=true",
  ]);
}

function containerUnit(
  engine: DistributionFacts["engine"],
  name: string,
  description: string,
  args: readonly string[],
): InstanceFile {
  const needed = engine.service === undefined ? "" : `\nRequires=${engine.service}\nAfter=${engine.service}`;
  return {
    path: `/etc/systemd/system/${name}.service`,
    mode: "0644",
    content: `[Unit]
Description=${description}
${ADDRESS}${needed}

[Service]
EnvironmentFile=${PATHS.addressFile}
ExecStartPre=-${engine.program} rm --force ${name}
ExecStart=${command([engine.program, "run", "--rm", `--name=${name}`, ...args])}
ExecStop=${engine.program} stop ${name}
Restart=always
RestartSec=10
TimeoutStartSec=300

[Install]
WantedBy=multi-user.target
`,
  };
}

function unitLimits(limits: AgentLimits): string {
  return `MemoryMax=${limits.exporterMemoryMib}M\nCPUQuota=${limits.exporterCpuPercent}%`;
}

// The container is the engine's child, not the unit's: limits of the unit would not reach it.
function engineLimits(memoryMib: number, cpuPercent: number): readonly string[] {
  return [`--memory=${memoryMib}m`, `--cpus=${cpuPercent / 100}`];
}

/** One word a line: systemd joins them, and a diff shows which one changed. */
function command(words: readonly string[]): string {
  return words.join(" \\\n    ");
}
