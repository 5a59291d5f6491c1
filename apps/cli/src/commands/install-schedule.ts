import { dirname, join } from "node:path";
import { telemetryVariable } from "@promferry/privacy";
import { CliError } from "../cli-error.ts";
import { unsetVariables } from "../config/check-variables.ts";
import { formatDuration } from "../config/duration.ts";
import { configFile } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { installSchedule, planSchedule } from "../schedule/install-schedule.ts";
import { programArgv } from "../schedule/program-argv.ts";
import type { ScheduledJob, ScheduleKind } from "../schedule/schedule.ts";
import { type ChoiceFlags, choose } from "../upload/choose.ts";

export interface ScheduleFlags extends ChoiceFlags {
  readonly installSchedule: ScheduleKind;
  readonly write?: boolean;
  readonly cleanup?: boolean;
  readonly now?: boolean;
  readonly everyMs: number;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

/** Variables that the upload obeys besides those of the configuration. */
const OBEYED = [
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
  "DO_NOT_TRACK",
];

/** Prints, or with `--write` installs, what runs this very upload again and again without its user. */
export async function installUploadSchedule(context: Context, flags: ScheduleFlags): Promise<ExitCode> {
  const { io, out } = context;
  const { installSchedule: kind, write = false, everyMs } = flags;
  const { job, needed } = await describeJob(context, flags);
  const home = { home: io.home, env: io.env, uid: process.getuid?.() ?? 0 };
  const { files, activate, remove, notes } = planSchedule(kind, job, home);
  const written = write ? await installSchedule(kind, job, { ...home, cwd: io.cwd, signal: io.signal }) : [];

  out.json({
    kind,
    name: job.name,
    files,
    activate: activate.map(({ argv }) => argv),
    remove,
    installed: write,
    written,
  });
  if (write) {
    out.line(
      written.length > 0
        ? `installed: ${written.join(", ")}; uploads every ${formatDuration(everyMs)}`
        : "installed already, as it is wanted",
    );
  } else {
    for (const { path, content } of files) {
      if (files.length > 1) out.line(`# ${path}`);
      out.line(content.replaceAll("\r\n", "\n").replace("\ufeff", "").trimEnd());
    }
    out.note(
      `promferry: nothing was installed; --write does it${kind === "cron" ? ", and so does `crontab -e`" : ""}`,
    );
  }
  out.note(`to remove it: ${remove}`);
  for (const note of notes) out.note(`note: ${note}`);
  if (needed.length > 0) {
    const where =
      job.environmentFile === undefined ? "there" : `in ${job.environmentFile}, a line NAME=value each`;
    out.note(`note: it runs without your shell's variables; set ${needed.join(", ")} ${where}`);
  }
  return EXIT.ok;
}

async function describeJob(
  { io, source, settings: load }: Context,
  flags: ScheduleFlags,
): Promise<{ job: ScheduledJob; needed: readonly string[] }> {
  const settings = await load();
  const { destinations, from, toDate } = choose(settings, flags);
  if (from !== undefined || toDate !== undefined) {
    throw new CliError(EXIT.usage, "a schedule takes no dates", {
      hint: "leave --from and the last day out",
    });
  }
  const { file } = configFile(source);
  const named = flags.to ?? [];
  const argv = [
    ...programArgv(),
    "upload-metrics",
    "--config",
    file,
    ...(source.dirFlag || io.env["PROMFERRY_DIR"] ? ["--dir", settings.dir] : []),
    ...named.flatMap((name) => ["--to", name]),
    ...(flags.cleanup ? ["--cleanup"] : []),
    ...(flags.now ? ["--now"] : []),
    "--timeout",
    formatDuration(flags.timeoutMs),
  ];
  const needed = new Set<string>();
  for (const each of destinations)
    for (const { name } of unsetVariables(each, settings.app, {})) needed.add(name);
  for (const name of [...OBEYED, telemetryVariable(settings.app)]) if (io.env[name]) needed.add(name);
  const runsCommands = destinations.some(({ auth }) => auth?.password_cmd ?? auth?.token_cmd);
  return {
    needed: [...needed],
    job: {
      name: `promferry-upload-${settings.app}`,
      app: settings.app,
      argv,
      everyMs: flags.everyMs,
      dir: settings.dir,
      runsCommands,
      environmentFile:
        needed.size > 0 && flags.installSchedule === "systemd"
          ? join(dirname(file), "upload.env")
          : undefined,
    },
  };
}
