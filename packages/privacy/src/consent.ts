import type { ConsentGrant } from "@promferry/core/journal";
import { type ConsentRecord, readConsent, type StoredConsent } from "./consent-file.ts";

/** What was said, wherever it was said. */
export interface ConsentSources {
  /** The program's name; `k1` reads `K1_TELEMETRY`. */
  readonly app: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the configuration file. Absent where the file doesn't say. */
  readonly config?: { readonly enabled?: boolean };
  /** Whether `--enable-metrics-collection` stands on this very command line. */
  readonly flag?: boolean;
  /** What the user last chose by the commands `enable`, `disable` and `forget`. Default: nothing. */
  readonly stored?: StoredConsent;
}

/**
 * - `off`: nothing is recorded or sent.
 * - `local`: recorded. Sent only where a flag allowed this run, and then by a typed `upload-metrics`.
 * - `upload`: recorded, and sent by whatever the user has set up.
 */
export type ConsentState = "off" | "local" | "upload";

/** What one source has to say. */
export interface ConsentSay {
  readonly source: "environment" | "choice" | "config" | "flag";
  /** The variable, file or flag, as the user knows it. */
  readonly name: string;
  readonly says: "no" | "local" | "yes" | "nothing";
  /** For a line such as `off because …`; empty where it says nothing. */
  readonly words: string;
  /** Whether the state follows from it. */
  readonly decides: boolean;
}

export interface Consent {
  readonly state: ConsentState;
  /** How the user agreed, for the frames of this run; absent when `off`. */
  readonly grant?: Exclude<ConsentGrant, "user">;
  /** Every ground for the state, in words, the first one for a line such as `off because …`. */
  readonly reasons: readonly string[];
  /** Every source that could say something. */
  readonly sources: readonly ConsentSay[];
}

/** {@link Consent}, and what stands in the directory. */
export interface DirectoryConsent extends Consent {
  readonly stored: StoredConsent;
}

/**
 * Whether a program's own telemetry may be recorded and sent. Off unless somebody said yes.
 *
 * There is no order of precedence: any *no* wins. A no is
 *
 * - `DO_NOT_TRACK` with any value but the empty one, `0` and `false`;
 * - `<APP>_TELEMETRY` with any value but the empty one, `1`, `on`, `true`, `yes` and `enabled`: a word
 *   that isn't known is taken for a no (none of them is a yes: the environment can only refuse);
 * - the command `disable`, a `forget` that was begun, and a consent file that can't be read or is damaged;
 * - `enabled` in the configuration with anything but `true`, be it a text such as "yes".
 *
 * A yes is `enabled: true`, the command `enable`, or the flag; `enable --local` is a yes to recording and a no
 * to sending. The flag speaks for this run only, and as the word typed last it overrides exactly two things:
 * `DO_NOT_TRACK`, and an `enabled: false` in the configuration, since that spells out the default and asks for
 * no standing collection, which the flag doesn't ask for either. It overrides neither `<APP>_TELEMETRY` nor
 * `disable`, which were said to this very program. A run that only the flag allows is `local`.
 */
export function resolveConsent(sources: ConsentSources): Consent {
  const says = whatEachSays(sources);
  const refusals = says.filter(({ says: word, yields }) => word === "no" && !yields);
  const overridable = says.filter(({ says: word, yields }) => word === "no" && yields);
  const grants = says.filter(
    ({ says: word, source }) => word !== "no" && word !== "nothing" && source !== "flag",
  );
  const flag = says.filter(({ source, says: word }) => source === "flag" && word === "yes");
  const conclude = (state: ConsentState, deciders: readonly Say[], grant?: Consent["grant"]): Consent => ({
    state,
    ...(grant === undefined ? {} : { grant }),
    reasons: deciders.length > 0 ? deciders.map(({ words }) => words) : ["nobody switched it on"],
    sources: says.map(({ yields: _, ...say }) => ({
      ...say,
      decides: deciders.some(({ name }) => name === say.name),
    })),
  });

  if (refusals.length > 0) return conclude("off", [...refusals, ...overridable]);
  if (overridable.length === 0 && grants.length > 0) {
    const keeps = grants.filter(({ says: word }) => word === "local");
    const grant = grants.some(({ source }) => source === "config") ? "config" : "enabled";
    return keeps.length > 0 ? conclude("local", keeps, "enabled") : conclude("upload", grants, grant);
  }
  if (flag.length > 0) {
    const despite = overridable.map((say) => ({ ...say, words: `although ${say.words}` }));
    return conclude("local", [...flag, ...despite], "flag");
  }
  return conclude("off", overridable);
}

/**
 * {@link resolveConsent} over what stands in a journal's directory. The collector, the gate of uploads and the
 * commands all ask this one function. Reads `consent.json`, synchronously, and changes nothing.
 */
export function consentIn(dir: string, sources: Omit<ConsentSources, "stored">): DirectoryConsent {
  const stored = readConsent(dir);
  return { ...resolveConsent({ ...sources, stored }), stored };
}

/** One line for people, for example `off because DO_NOT_TRACK is set`. */
export function consentInWords({ state, reasons }: Pick<Consent, "state" | "reasons">): string {
  return `${state} because ${reasons.join(", ")}`;
}

/** The environment variable that refuses for one program: `my-app` has `MY_APP_TELEMETRY`. */
export function telemetryVariable(app: string): string {
  return `${app.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}_TELEMETRY`;
}

interface Say extends Omit<ConsentSay, "decides"> {
  /** Whether the flag overrides it. */
  readonly yields: boolean;
}

function whatEachSays({ app, env, config = {}, flag = false, stored }: ConsentSources): readonly Say[] {
  const variable = telemetryVariable(app);
  const own = env[variable];
  return [
    say("environment", variable, isRefusal(own) ? "no" : "nothing", `${variable}=${own?.slice(0, 40)}`),
    sayOfChoice(stored ?? { kind: "none" }),
    say(
      "environment",
      "DO_NOT_TRACK",
      isSet(env["DO_NOT_TRACK"]) ? "no" : "nothing",
      "DO_NOT_TRACK is set",
      true,
    ),
    config.enabled === undefined
      ? say("config", "configuration", "nothing", "", true)
      : say(
          "config",
          "configuration",
          // Whoever reads a file by himself may have "no" here, which is true to JavaScript.
          config.enabled === true ? "yes" : "no",
          `the configuration says enabled: ${config.enabled}`,
          true,
        ),
    say(
      "flag",
      "--enable-metrics-collection",
      flag === true ? "yes" : "nothing",
      "--enable-metrics-collection was given for this run",
    ),
  ];
}

function say(source: Say["source"], name: string, word: Say["says"], words: string, yields = false): Say {
  return { source, name, says: word, words: word === "nothing" ? "" : words, yields };
}

const CHOICE_WORDS: Readonly<Record<ConsentRecord["choice"], readonly [Say["says"], string]>> = {
  enabled: ["yes", "its user switched it on (enable)"],
  local: ["local", "its user switched it on, to be kept here (enable --local)"],
  disabled: ["no", "its user switched it off (disable)"],
  forgetting: ["no", "the command forget was begun and has not finished"],
};

function sayOfChoice(stored: StoredConsent): Say {
  const name = "enable, disable";
  if (stored.kind === "none") return say("choice", name, "nothing", "");
  if (stored.kind !== "decided") return say("choice", name, "no", `the consent file is ${stored.kind}`);
  return say("choice", name, ...CHOICE_WORDS[stored.record.choice]);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.trim().toLowerCase());
}

function isRefusal(value: string | undefined): boolean {
  const allowed = ["", "1", "on", "true", "yes", "enabled"];
  return value !== undefined && !allowed.includes(value.trim().toLowerCase());
}
