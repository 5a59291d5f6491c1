import { formatDuration } from "../config/duration.ts";
import { configFile } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { programArgv } from "../schedule/program-argv.ts";
import { quoteArgument } from "../schedule/systemd-units.ts";
import type { AgentFlags } from "./agent-plan.ts";

const NAME = "promferry-agent";
const SYSTEM_CONFIG = "/etc/promferry/config.yaml";
const DEFAULT_GRACE_MS = 10_000;

/** Prints a unit for systemd's system manager that runs this very agent. */
export function printAgentUnit(context: Context, flags: AgentFlags): ExitCode {
  const { out, source, io } = context;
  const { file, explicit } = configFile(source);
  const config = explicit ? file : SYSTEM_CONFIG;
  const needsConfig = flags.scrape.length === 0 || flags.remoteWrite.length === 0;
  const unit = agentUnit({
    program: programArgv(),
    args: [...(needsConfig || explicit ? ["--config", config] : []), ...agentArgs(flags)],
    graceMs: flags.grace ?? DEFAULT_GRACE_MS,
    isAtHome: [process.execPath, config].some(
      (path) => path.startsWith(io.home) || /^\/(root|home)\//.test(path),
    ),
  });
  out.line(unit.trimEnd());
  out.json({ name: `${NAME}.service`, content: unit });
  out.note(
    `promferry: nothing was installed; as root: promferry agent … --print-unit > /etc/systemd/system/${NAME}.service`,
  );
  out.note(`  then: systemctl daemon-reload && systemctl enable --now ${NAME}`);
  if (needsConfig)
    out.note(
      `  it runs as a user of its own, which has to be able to read ${config} and the files named in it`,
    );
  return EXIT.ok;
}

function agentArgs(flags: AgentFlags): string[] {
  const { scrape, remoteWrite, protocol, interval, job, listen, allowRemote, grace } = flags;
  return [
    ...scrape.flatMap((url) => ["--scrape", url]),
    ...(scrape.length > 0 ? ["--interval", formatDuration(interval), "--job", job] : []),
    ...remoteWrite.flatMap((url) => ["--remote-write", url]),
    ...(remoteWrite.length > 0 ? ["--protocol", String(protocol)] : []),
    ...(listen === undefined ? [] : ["--listen", listen]),
    ...(allowRemote ? ["--allow-remote"] : []),
    ...(grace === undefined ? [] : ["--grace", formatDuration(grace)]),
  ];
}

export interface AgentUnitOptions {
  /** What starts the program, with absolute paths. */
  readonly program: readonly string[];
  /** Of `agent`, without `--dir`. */
  readonly args: readonly string[];
  readonly graceMs: number;
  /** Whether program or configuration lie in somebody's home, which is hidden from the service otherwise. */
  readonly isAtHome: boolean;
}

/**
 * A unit in which the agent can write to its queue and to nothing else, talk to the network, and do little more.
 * MemoryDenyWriteExecute is left out, since Node compiles. What a restart can't mend (command line, configuration,
 * credentials' commands) is not restarted.
 *
 * @see systemd.exec(5), "Sandboxing"; systemd.service(5)
 */
export function agentUnit({ program, args, graceMs, isAtHome }: AgentUnitOptions): string {
  const argv = [...program, "agent", ...args].map(quoteArgument).join(" ");
  return [
    "[Unit]",
    "Description=Scrapes metrics pages and sends them by remote write (promferry agent)",
    "Wants=network-online.target",
    "After=network-online.target",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${argv} --dir %S/${NAME}`,
    "ExecReload=kill -HUP $MAINPID",
    "DynamicUser=yes",
    `StateDirectory=${NAME}`,
    "StateDirectoryMode=0700",
    "Restart=always",
    "RestartSec=5s",
    "RestartPreventExitStatus=2 78",
    "SuccessExitStatus=143",
    `TimeoutStopSec=${Math.ceil(graceMs / 1000) + 5}s`,
    "UMask=0077",
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "NoNewPrivileges=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProcSubset=pid",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    `ProtectHome=${isAtHome ? "read-only" : "yes"}`,
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}
