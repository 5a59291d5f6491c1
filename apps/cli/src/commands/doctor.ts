import { nodeJournalFs, openJournal } from "@promferry/core/journal";
import { readLedger } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import type { Settings } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { chainChecks } from "../doctor/chain-checks.ts";
import { type Check, checker } from "../doctor/check.ts";
import { destinationChecks } from "../doctor/destination-checks.ts";
import { consentCheck, journalChecks } from "../doctor/local-checks.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { describeDestinations } from "../status/destinations.ts";
import { createMayLeave } from "../upload/may-leave.ts";
import { samplingOf } from "../upload/sampling.ts";

interface DoctorOptions {
  readonly chain?: boolean;
  readonly url?: string;
  readonly prometheus?: string;
}

/** Exit 0 where nothing failed, else the gravest of what did: 78, 77, 74, 69, 1. */
export async function doctor(context: Context, options: DoctorOptions): Promise<ExitCode> {
  const checks = options.chain ? await walkChain(context, options) : await lookAround(context, options);
  const { out } = context;
  let subject = "";
  for (const check of checks) {
    if (check.subject !== subject) out.line(out.style.bold(check.subject));
    subject = check.subject;
    out.line(`  ${mark(context, check)}  ${check.name}: ${check.detail}`);
    if (check.advice) out.line(`        ${check.advice}`);
  }
  const failed = checks.filter(({ state }) => state === "failed");
  const warnings = checks.filter(({ state }) => state === "warning");
  out.line();
  out.line(`${count(checks.length, "check")}: ${failed.length} failed, ${count(warnings.length, "warning")}`);
  const exitCode = GRAVEST.find((code) => failed.some((check) => check.exitCode === code)) ?? EXIT.ok;
  out.json({ ok: failed.length === 0, exitCode, checks });
  return exitCode;
}

const GRAVEST: readonly ExitCode[] = [
  EXIT.config,
  EXIT.credentials,
  EXIT.io,
  EXIT.unavailable,
  EXIT.findings,
];

function mark({ out: { style } }: Context, { state }: Check): string {
  if (state === "ok") return style.green("ok  ");
  if (state === "failed") return style.red("FAIL");
  return state === "warning" ? style.yellow("warn") : style.dim("?   ");
}

async function lookAround(context: Context, { url, prometheus }: DoctorOptions): Promise<Check[]> {
  if (url !== undefined || prometheus !== undefined) {
    throw new CliError(EXIT.usage, "--url and --prometheus belong to --chain", { hint: "add --chain" });
  }
  const configuration = checker("configuration");
  let settings: Settings;
  try {
    settings = await context.settings();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [configuration.failed("file", error.message, error.hint ?? "correct the file", error.exitCode)];
  }
  const { file, found, warnings, metrics } = settings;
  const checks = [
    found
      ? configuration.ok("file", `${file}, ${count(metrics.destinations.length, "destination")}`)
      : configuration.ok("file", `${file} is not there; defaults apply`),
    ...warnings.map(({ line, message }) =>
      configuration.warning(`line ${line}`, message, "`promferry config check` shows the place"),
    ),
    consentCheck(context, settings),
    ...(await journalChecks(context, settings)),
  ];
  const secrets = new Map<string, Promise<string>>();
  const oldest = await oldestWaiting(context, settings);
  for (const destination of metrics.destinations) {
    context.out.progress(`asking ${destination.name}`);
    const oldestMs = oldest.get(destination.name);
    checks.push(...(await destinationChecks(context, settings, destination, { secrets, oldestMs })));
  }
  context.out.progress("");
  return checks;
}

/** By destination: the time of the oldest frame that it lacks. */
async function oldestWaiting({ io }: Context, settings: Settings): Promise<ReadonlyMap<string, number>> {
  const index = await openJournal(settings.dir, { now: io.now })
    .index()
    .catch(() => undefined);
  const ledger = await readLedger(settings.dir, nodeJournalFs).catch(() => undefined);
  if (!index || !ledger) return new Map();
  const sampling = await samplingOf(settings, false).catch(() => undefined);
  if (!sampling) return new Map();
  const mayLeave = createMayLeave({ settings, env: io.env, sampling, now: io.now });
  const facts = describeDestinations(settings, index, ledger, mayLeave);
  return new Map(
    facts.flatMap(({ name, lacks }): [string, number][] => {
      const day = lacks[0]?.day;
      const first = index.frames.find(({ file }) => day !== undefined && file.startsWith(day));
      return first ? [[name, first.header.writtenMs]] : [];
    }),
  );
}

async function walkChain({ io }: Context, { url, prometheus }: DoctorOptions): Promise<Check[]> {
  for (const [flag, value] of [
    ["--url", url],
    ["--prometheus", prometheus],
  ] as const) {
    if (value === undefined || !URL.canParse(value)) {
      const hint =
        "promferry doctor --chain --url http://localhost:8080/metrics --prometheus http://localhost:9090";
      throw new CliError(EXIT.usage, `${flag} needs an address`, { hint });
    }
  }
  return chainChecks({ pageUrl: url ?? "", prometheusUrl: prometheus ?? "", signal: io.signal, now: io.now });
}
