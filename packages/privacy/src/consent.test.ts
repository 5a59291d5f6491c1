import { expect, test } from "vitest";
import { type ConsentSources, consentInWords, resolveConsent, telemetryVariable } from "./consent.ts";
import type { ConsentChoice, StoredConsent } from "./consent-file.ts";

const yes = { config: { enabled: true } };
const no = { config: { enabled: false } };
const refused = { DO_NOT_TRACK: "1" };
const chose = (choice: ConsentChoice): { stored: StoredConsent } => ({
  stored: { kind: "decided", record: { choice, decidedAtMs: 0, decidedBy: "a test" } },
});

for (const { name, said, words } of [
  { name: "is off when nobody said anything", said: {}, words: "off because nobody switched it on" },
  {
    name: "takes the configuration's yes",
    said: yes,
    words: "upload because the configuration says enabled: true",
  },
  {
    name: "takes the command's yes",
    said: chose("enabled"),
    words: "upload because its user switched it on (enable)",
  },
  {
    name: "takes the flag's yes for this run alone",
    said: { flag: true },
    words: "local because --enable-metrics-collection was given for this run",
  },
  {
    name: "takes a text in the configuration for no yes, whatever it says",
    said: { config: { enabled: "yes" as unknown as boolean } },
    words: "off because the configuration says enabled: yes",
  },
  {
    name: "lets DO_NOT_TRACK win over the configuration",
    said: { ...yes, env: refused },
    words: "off because DO_NOT_TRACK is set",
  },
  {
    name: "lets DO_NOT_TRACK win over the command enable",
    said: { ...chose("enabled"), env: { DO_NOT_TRACK: "yes" } },
    words: "off because DO_NOT_TRACK is set",
  },
  {
    name: "lets the flag override DO_NOT_TRACK, and narrows the configuration's yes to this run",
    said: { ...yes, flag: true, env: refused },
    words: "local because --enable-metrics-collection was given for this run, although DO_NOT_TRACK is set",
  },
  {
    name: "lets the flag stand beside the configuration's default, written out",
    said: { ...no, flag: true },
    words:
      "local because --enable-metrics-collection was given for this run, although the configuration says enabled: false",
  },
  {
    name: "lets a no in the configuration win over the command enable",
    said: { ...no, ...chose("enabled") },
    words: "off because the configuration says enabled: false",
  },
  {
    name: "lets the program's own variable win over everything",
    said: { ...yes, flag: true, ...chose("enabled"), env: { K1_TELEMETRY: "off" } },
    words: "off because K1_TELEMETRY=off",
  },
  {
    name: "lets the command disable win over the configuration and the flag",
    said: { ...yes, flag: true, ...chose("disabled") },
    words: "off because its user switched it off (disable)",
  },
  {
    name: "lets enable --local keep what the configuration would send",
    said: { ...yes, ...chose("local") },
    words: "local because its user switched it on, to be kept here (enable --local)",
  },
  {
    name: "takes a forget that was begun for a no",
    said: { ...yes, flag: true, ...chose("forgetting") },
    words: "off because the command forget was begun and has not finished",
  },
  {
    name: "takes a damaged consent file for a no",
    said: { ...yes, flag: true, stored: { kind: "damaged", problem: "not JSON" } },
    words: "off because the consent file is damaged",
  },
  {
    name: "takes a consent file that can't be read for a no",
    said: { ...yes, stored: { kind: "unreadable", problem: "EACCES" } },
    words: "off because the consent file is unreadable",
  },
  {
    name: "names every no",
    said: { ...no, ...chose("disabled"), env: { ...refused, K1_TELEMETRY: "0" } },
    words:
      "off because K1_TELEMETRY=0, its user switched it off (disable), DO_NOT_TRACK is set, the configuration says enabled: false",
  },
  {
    name: "keeps the configuration's grant when the flag is given too",
    said: { ...yes, flag: true },
    words: "upload because the configuration says enabled: true",
  },
] satisfies { name: string; said: Partial<ConsentSources>; words: string }[]) {
  test(`resolveConsent ${name}`, () => {
    expect(consentInWords(resolveConsent({ app: "k1", env: {}, ...said }))).toBe(words);
  });
}

/** As the README's table says it: every no but two is final, and those two only the flag overrides. */
function verdict(dnt: boolean, own: boolean, enabled: unknown, choice: unknown, flag: boolean): string {
  if (own || choice === "disabled" || choice === "forgetting") return "off";
  if (dnt || enabled === false) return flag ? "local flag" : "off";
  if (choice === "local") return "local enabled";
  if (enabled === true) return "upload config";
  if (choice === "enabled") return "upload enabled";
  return flag ? "local flag" : "off";
}

for (const dnt of [false, true]) {
  for (const own of [false, true]) {
    for (const enabled of [undefined, true, false]) {
      for (const choice of [undefined, "enabled", "local", "disabled", "forgetting"] as const) {
        for (const flag of [false, true]) {
          const expected = verdict(dnt, own, enabled, choice, flag);
          test(`consent is ${expected} with ${JSON.stringify({ dnt, own, enabled, choice, flag })}`, () => {
            const { state, grant, reasons } = resolveConsent({
              app: "k1",
              env: { ...(dnt && { DO_NOT_TRACK: "1" }), ...(own && { K1_TELEMETRY: "off" }) },
              flag,
              ...(enabled === undefined ? {} : { config: { enabled } }),
              ...(choice && chose(choice)),
            });
            expect([state, ...(grant ? [grant] : [])].join(" ")).toBe(expected);
            expect(reasons).not.toEqual([]);
          });
        }
      }
    }
  }
}

for (const { said, grant } of [
  { said: yes, grant: "config" },
  { said: chose("enabled"), grant: "enabled" },
  { said: { flag: true }, grant: "flag" },
  { said: {}, grant: undefined },
] satisfies { said: Partial<ConsentSources>; grant: string | undefined }[]) {
  test(`frames of a run with ${JSON.stringify(said)} carry consent=${grant}`, () => {
    expect(resolveConsent({ app: "k1", env: {}, ...said }).grant).toBe(grant);
  });
}

for (const [variable, value, isRefusal] of [
  ["DO_NOT_TRACK", "", false],
  ["DO_NOT_TRACK", "0", false],
  ["DO_NOT_TRACK", "False", false],
  ["DO_NOT_TRACK", "1", true],
  ["DO_NOT_TRACK", "true", true],
  ["DO_NOT_TRACK", "anything", true],
  ["K1_TELEMETRY", "", false],
  ["K1_TELEMETRY", "on", false],
  ["K1_TELEMETRY", "1", false],
  ["K1_TELEMETRY", "off", true],
  ["K1_TELEMETRY", "0", true],
  ["K1_TELEMETRY", "FALSE", true],
  ["K1_TELEMETRY", "no", true],
  ["K1_TELEMETRY", "disabled", true],
  ["OTHER_TELEMETRY", "off", false],
] as const) {
  test(`${variable}=${value} is ${isRefusal ? "a no" : "no refusal"}, and never a yes`, () => {
    const env = { [variable]: value };
    expect(resolveConsent({ app: "k1", env, ...yes }).state).toBe(isRefusal ? "off" : "upload");
    expect(resolveConsent({ app: "k1", env }).state).toBe("off");
  });
}

test("the variable's name has underscores for what a variable can't hold", () => {
  expect(telemetryVariable("my-app.two")).toBe("MY_APP_TWO_TELEMETRY");
});

test("each source has its say, and those that decide are marked", () => {
  const { sources } = resolveConsent({ app: "k1", env: refused, ...yes, ...chose("enabled") });
  expect(sources.map(({ name, says, decides }) => `${name}: ${says}${decides ? " (decides)" : ""}`)).toEqual([
    "K1_TELEMETRY: nothing",
    "enable, disable: yes",
    "DO_NOT_TRACK: no (decides)",
    "configuration: yes",
    "--enable-metrics-collection: nothing",
  ]);
});
