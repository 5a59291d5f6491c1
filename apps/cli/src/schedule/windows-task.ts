import { join } from "node:path";
import type { Schedule, ScheduledJob, ScheduleHome } from "./schedule.ts";
import { xmlEscape } from "./schedule.ts";

/** A task of the user's own for the Windows Task Scheduler. @see [MS-TSCH] 2.5, XML schema */
export function windowsTask(job: ScheduledJob, { home }: ScheduleHome): Schedule {
  const path = join(home, ".promferry", `${job.name}.xml`);
  return {
    // The Task Scheduler reads UTF-16.
    files: [{ path, content: `\ufeff${taskXml(job)}`.replaceAll("\n", "\r\n"), encoding: "utf16le" }],
    activate: [{ argv: ["schtasks", "/Create", "/F", "/TN", job.name, "/XML", path] }],
    remove: `schtasks /Delete /F /TN ${job.name}`,
    notes: ["it runs while you are logged in"],
  };
}

function taskXml({ app, argv, everyMs }: ScheduledJob): string {
  const [program = "", ...rest] = argv;
  const minutes = Math.max(1, Math.round(everyMs / 60_000));
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Carries the metrics of ${xmlEscape(app)} to their destinations.</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>PT${minutes}M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2025-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <Enabled>true</Enabled>
    <ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${xmlEscape(program)}</Command>
      <Arguments>${xmlEscape(rest.map(quoteArgument).join(" "))}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}

/** As programs on Windows take their command line apart. @see CommandLineToArgvW */
function quoteArgument(text: string): string {
  if (/^[^\s"]+$/.test(text)) return text;
  return `"${text.replace(/(\\*)("|$)/g, (_, slashes: string, end: string) => slashes + slashes + (end && '\\"'))}"`;
}
