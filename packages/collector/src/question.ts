import type { Catalogue } from "@promferry/core";
import type { Addition, AskingPlace, DirectoryConsent } from "@promferry/privacy";
import { additions, mayAsk, telemetryVariable } from "@promferry/privacy/gate";

/** What a program may ask its user; the program shows it and gives the answer to `decide`. */
export interface ConsentQuestion {
  /** `first`: nobody has decided yet. `added`: the catalogue has more than was agreed to. */
  readonly about: "first" | "added";
  /** Several lines, the question itself last, without a line feed at the end. */
  readonly text: string;
  /** Of `added`: what is new. */
  readonly added: readonly Addition[];
}

export interface QuestionOptions {
  readonly app: string;
  readonly dir: string;
  readonly consent: DirectoryConsent;
  /** Absent: the program collects whatever it registers. */
  readonly catalogue: Catalogue | undefined;
  readonly place: AskingPlace;
}

/**
 * The question that is open, if there is one and somebody can answer it: at a terminal on both ends, outside
 * continuous integration, and only where nobody has said anything that answers it already.
 */
export function consentQuestion(options: QuestionOptions): ConsentQuestion | undefined {
  const { consent, catalogue, place } = options;
  if (mayAsk(place) !== true || consent.sources.some(({ says }) => says === "no")) return undefined;
  const { stored } = consent;
  if (stored.kind === "none" && consent.state === "off") {
    return { about: "first", text: firstText(options), added: [] };
  }
  const added = notAgreedTo(consent, catalogue);
  return added.length > 0 ? { about: "added", text: addedText(options, added), added } : undefined;
}

/** What the catalogue has beyond what was agreed to. */
export function notAgreedTo(
  { stored }: DirectoryConsent,
  catalogue: Catalogue | undefined,
): readonly Addition[] {
  const agreed = stored.kind === "decided" ? stored.record.agreed : undefined;
  return catalogue && agreed ? additions(catalogue, agreed) : [];
}

function firstText({ app, dir, catalogue }: QuestionOptions): string {
  const metrics = catalogue?.metrics.map(({ name, help }) => `  ${name}: ${help}`) ?? [
    `  whatever ${app} registers`,
  ];
  return [
    `${app} can count how it is used:`,
    ...metrics,
    `The counts are kept in ${dir}, for you to read, and leave only by an upload that you set up.`,
    `A no is for good; ${telemetryVariable(app)}=off says no as well.`,
    `May ${app} count?`,
  ].join("\n");
}

function addedText({ app }: QuestionOptions, added: readonly Addition[]): string {
  const lines = added.map(({ metric, label, values }) => {
    if (label === undefined) return `  ${metric}`;
    return `  ${metric}, label ${label}${values === undefined ? "" : `: ${values.join(", ")}`}`;
  });
  return [`${app} can count more than you agreed to:`, ...lines, `May ${app} count that as well?`].join("\n");
}
