import { join } from "node:path";
import type { Schedule, ScheduledJob, ScheduleHome } from "./schedule.ts";
import { shellQuote } from "./schedule.ts";

/**
 * A service and its timer for the user's own service manager, hardened as far as that one can: what would need
 * rights over capabilities or devices is left out, and so is MemoryDenyWriteExecute, since Node compiles.
 *
 * @see systemd.exec(5), "Sandboxing"; systemd.timer(5)
 */
export function systemdSchedule(job: ScheduledJob, { home, env }: ScheduleHome): Schedule {
  const folder = join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "systemd", "user");
  const service = join(folder, `${job.name}.service`);
  const timer = join(folder, `${job.name}.timer`);
  const systemctl = (...argv: string[]) => ({ argv: ["systemctl", "--user", ...argv] });
  return {
    files: [
      { path: service, content: serviceUnit(job) },
      { path: timer, content: timerUnit(job) },
    ],
    activate: [systemctl("daemon-reload"), systemctl("enable", "--now", `${job.name}.timer`)],
    remove: `systemctl --user disable --now ${job.name}.timer && rm ${shellQuote(service)} ${shellQuote(timer)} && systemctl --user daemon-reload`,
    notes: ["it runs while you are logged in; `loginctl enable-linger` lets it run always"],
  };
}

function serviceUnit({ app, argv, dir, runsCommands, environmentFile }: ScheduledJob): string {
  const isTemporary = /^\/(var\/)?tmp(\/|$)/.test(dir);
  const files = runsCommands
    ? // A password manager may have to write beside its keys.
      ["ProtectSystem=full"]
    : ["ProtectSystem=strict", "ProtectHome=read-only", `ReadWritePaths=${quote(`-${dir}`)}`];
  return lines([
    "[Unit]",
    `Description=Carries the metrics of ${app} to their destinations`,
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${argv.map(quoteArgument).join(" ")}`,
    // Another upload at work, and a stop, are no failures.
    "SuccessExitStatus=75 143",
    "TimeoutStartSec=1h",
    ...(environmentFile === undefined ? [] : [`EnvironmentFile=-${environmentFile.replaceAll("%", "%%")}`]),
    "Nice=10",
    "IOSchedulingClass=idle",
    "UMask=0077",
    "NoNewPrivileges=yes",
    ...files,
    ...(isTemporary ? [] : ["PrivateTmp=yes"]),
    "ProtectControlGroups=yes",
    "ProtectKernelTunables=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
  ]);
}

function timerUnit({ app, everyMs }: ScheduledJob): string {
  const seconds = Math.max(1, Math.round(everyMs / 1000));
  return lines([
    "[Unit]",
    `Description=Carries the metrics of ${app} to their destinations, again and again`,
    "",
    "[Timer]",
    "OnStartupSec=2min",
    `OnUnitActiveSec=${seconds}s`,
    `RandomizedDelaySec=${Math.floor(seconds / 10)}s`,
    "AccuracySec=1min",
    "",
    "[Install]",
    "WantedBy=timers.target",
  ]);
}

function lines(list: readonly string[]): string {
  return `${list.join("\n")}\n`;
}

/** @see systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers" */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("%", "%%")}"`;
}

/** @see systemd.service(5), "Command lines" */
export function quoteArgument(text: string): string {
  return /^[A-Za-z0-9_@+=:,./-]+$/.test(text) ? text : quote(text).replaceAll("$", "$$$$");
}
