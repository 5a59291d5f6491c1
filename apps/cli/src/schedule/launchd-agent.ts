import { join } from "node:path";
import type { Schedule, ScheduledJob, ScheduleHome } from "./schedule.ts";
import { shellQuote, xmlEscape } from "./schedule.ts";

/** An agent of the user's own, for macOS. @see launchd.plist(5) */
export function launchdSchedule(job: ScheduledJob, { home, uid }: ScheduleHome): Schedule {
  const label = `dev.promferry.${job.name}`;
  const path = join(home, "Library", "LaunchAgents", `${label}.plist`);
  const log = join(home, "Library", "Logs", `${job.name}.log`);
  const domain = `gui/${uid}`;
  return {
    files: [{ path, content: plist(job, label, log) }],
    activate: [
      { argv: ["launchctl", "bootout", `${domain}/${label}`], mayFail: true },
      { argv: ["launchctl", "bootstrap", domain, path] },
    ],
    remove: `launchctl bootout ${domain}/${label}; rm ${shellQuote(path)}`,
    notes: [`what it says is in ${log}`],
  };
}

function plist({ argv, everyMs }: ScheduledJob, label: string, log: string): string {
  const text = (value: string) => `<string>${xmlEscape(value)}</string>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  ${text(label)}
  <key>ProgramArguments</key>
  <array>
${argv.map((argument) => `    ${text(argument)}\n`).join("")}  </array>
  <key>StartInterval</key>
  <integer>${Math.max(1, Math.round(everyMs / 1000))}</integer>
  <key>RunAtLoad</key>
  <true/>
  <key>ProcessType</key>
  <string>Background</string>
  <key>LowPriorityIO</key>
  <true/>
  <key>Umask</key>
  <integer>${0o77}</integer>
  <key>StandardOutPath</key>
  ${text(log)}
  <key>StandardErrorPath</key>
  ${text(log)}
</dict>
</plist>
`;
}
