import type { ConsentGrant } from "@promferry/core/journal";

/** What was said, wherever it was said. */
export interface ConsentSources {
  /** The program's name; `k1` reads `K1_TELEMETRY`. */
  readonly app: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the configuration file. Absent where the file doesn't say. */
  readonly config?: { readonly enabled?: boolean };
  /** Whether `--enable-metrics-collection` stands on this very command line. */
  readonly flag?: boolean;
  /** What the user last chose by the commands `enable` and `disable`. */
  readonly choice?: "enabled" | "disabled";
}

/**
 * - `off`: nothing is recorded or sent.
 * - `local`: this run records; only a typed `upload-metrics` sends it.
 * - `upload`: recorded, and sent by whatever the user has set up.
 */
export type ConsentState = "off" | "local" | "upload";

export interface Consent {
  readonly state: ConsentState;
  /** How the user agreed, for the frames of this run; absent when `off`. */
  readonly grant?: Exclude<ConsentGrant, "user">;
  /** Every ground for the state, in words, the first one for a line such as `off because …`. */
  readonly reasons: readonly string[];
}

/**
 * Whether a program's own telemetry may be recorded and sent. Off unless somebody said yes.
 *
 * There is no order of precedence: any *no* wins. A no is
 *
 * - `DO_NOT_TRACK` with any value but the empty one, `0` and `false`;
 * - `<APP>_TELEMETRY` with any value but the empty one, `1`, `on`, `true`, `yes` and `enabled`: a word
 *   that isn't known is taken for a no (none of them is a yes: the environment can only refuse);
 * - the command `disable`;
 * - `enabled: false` in the configuration.
 *
 * A yes is `enabled: true`, the command `enable`, or the flag. The flag speaks for this run only, and as
 * the word typed last it overrides exactly two things: `DO_NOT_TRACK`, and an `enabled: false` in the
 * configuration, since that spells out the default and asks for no standing collection, which the flag
 * doesn't ask for either. It overrides neither `<APP>_TELEMETRY` nor `disable`, which were said to this
 * very program. A run that only the flag allows is `local`.
 */
export function resolveConsent(sources: ConsentSources): Consent {
  const { app, env, config = {}, flag = false, choice } = sources;
  const variable = telemetryVariable(app);
  const refusals: string[] = [];
  const overridable: string[] = [];
  if (isSet(env["DO_NOT_TRACK"])) overridable.push("DO_NOT_TRACK is set");
  if (isRefusal(env[variable])) refusals.push(`${variable}=${env[variable]!.slice(0, 40)}`);
  if (choice === "disabled") refusals.push("it was switched off by the command disable");
  if (config.enabled === false) overridable.push("the configuration says enabled: false");

  const grants: { readonly grant: Exclude<ConsentGrant, "user">; readonly reason: string }[] = [];
  if (config.enabled === true)
    grants.push({ grant: "config", reason: "the configuration says enabled: true" });
  if (choice === "enabled")
    grants.push({ grant: "enabled", reason: "it was switched on by the command enable" });

  if (refusals.length > 0) return { state: "off", reasons: [...refusals, ...overridable] };
  if (overridable.length === 0 && grants.length > 0) {
    return { state: "upload", grant: grants[0]!.grant, reasons: grants.map(({ reason }) => reason) };
  }
  if (flag) {
    const despite = overridable.map((reason) => `although ${reason}`);
    return {
      state: "local",
      grant: "flag",
      reasons: ["--enable-metrics-collection was given for this run", ...despite],
    };
  }
  return { state: "off", reasons: overridable.length > 0 ? overridable : ["nobody switched it on"] };
}

/** One line for people, for example `off because DO_NOT_TRACK is set`. */
export function consentInWords({ state, reasons }: Consent): string {
  return `${state} because ${reasons.join(", ")}`;
}

/** The environment variable that refuses for one program: `my-app` has `MY_APP_TELEMETRY`. */
export function telemetryVariable(app: string): string {
  return `${app.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}_TELEMETRY`;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.trim().toLowerCase());
}

function isRefusal(value: string | undefined): boolean {
  const allowed = ["", "1", "on", "true", "yes", "enabled"];
  return value !== undefined && !allowed.includes(value.trim().toLowerCase());
}
