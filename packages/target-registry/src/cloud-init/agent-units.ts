import { type InstanceFile, PATHS } from "./paths.ts";

/** What no part of the agent needs. A shell, curl and ip run in it; systemctl too, at the end. */
const HARDENING = `NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
MemoryMax=48M
CPUQuota=20%
TasksMax=32`;

/** State survives reboots, 0700. The other folder is also read by the exporter. */
const FOLDERS = `StateDirectory=promferry
StateDirectoryMode=0700
RuntimeDirectory=promferry
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes`;

// The configuration is written by cloud-init's network stage, whose unit has had both names.
const CONFIGURED = `After=network-online.target cloud-init.service cloud-init-network.service
Wants=network-online.target
ConditionPathExists=${PATHS.config}`;

/**
 * systemd units of the agent: the address before any exporter, joining once a boot, heartbeats by timer.
 *
 * @param textfileDir Where the identity gauge is written; the agent may write there.
 */
export function agentUnits(textfileDir: string): readonly InstanceFile[] {
  return [
    unit(
      "promferry-address.service",
      `[Unit]
Description=Private address for exporters
${CONFIGURED}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${PATHS.agent} address
Restart=on-failure
RestartSec=5
${FOLDERS}
${HARDENING}

[Install]
WantedBy=multi-user.target
`,
    ),
    // After multi-user.target: a service that can't be reached must not hold up the boot.
    unit(
      "promferry-agent.service",
      `[Unit]
Description=Registration with the target service
${CONFIGURED}
After=time-sync.target promferry-address.service multi-user.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${PATHS.agent} join
ExecStop=${PATHS.agent} stop
TimeoutStartSec=infinity
TimeoutStopSec=15
Restart=on-failure
RestartPreventExitStatus=3
RestartSec=30
${FOLDERS}
ReadWritePaths=-${textfileDir}
${HARDENING}

[Install]
WantedBy=multi-user.target
`,
    ),
    unit(
      "promferry-heartbeat.service",
      `[Unit]
Description=Heartbeat to the target service
${CONFIGURED}
After=promferry-agent.service

[Service]
Type=oneshot
ExecStart=${PATHS.agent} heartbeat
TimeoutStartSec=infinity
${FOLDERS}
ReadWritePaths=-${textfileDir}
${HARDENING}
`,
    ),
    // The service's Heartbeat-After decides when one is sent; the timer only looks.
    unit(
      "promferry-heartbeat.timer",
      `[Unit]
Description=Looks whether a heartbeat is due

[Timer]
OnActiveSec=20s
OnUnitInactiveSec=20s
RandomizedDelaySec=5s
AccuracySec=1s

[Install]
WantedBy=timers.target
`,
    ),
  ];
}

/** Units to enable, in this order. */
export const AGENT_UNITS: readonly string[] = [
  "promferry-address.service",
  "promferry-agent.service",
  "promferry-heartbeat.timer",
];

function unit(name: string, content: string): InstanceFile {
  return { path: `/etc/systemd/system/${name}`, mode: "0644", content };
}
