import { catalogueDigest } from "@promferry/core/catalogue";
import {
  type Addition,
  additions,
  type ConsentSay,
  type ConsentState,
  consentInWords,
  type DirectoryConsent,
} from "@promferry/privacy";
import type { CatalogueAtHand } from "../consent/catalogue-at-hand.ts";
import { additionInWords } from "../consent/print-catalogue.ts";
import type { Output } from "../output.ts";

export interface ConsentFacts {
  readonly state: ConsentState;
  readonly reasons: readonly string[];
  /** Each source with what it says, and whether the state follows from it. */
  readonly sources: readonly ConsentSay[];
  /** What stands in `consent.json`. */
  readonly decision?: {
    readonly choice: string;
    readonly at: string;
    readonly by: string;
    /** What was recorded before is never sent. */
    readonly since?: string;
    /** First digits of the agreed catalogue's digest. */
    readonly catalogue?: string;
  };
  /** Why `consent.json` counts as a no. */
  readonly problem?: string;
  /** What the program's catalogue has and the user has not agreed to. */
  readonly notAgreedTo: readonly Addition[];
}

export function describeConsent(consent: DirectoryConsent, found: CatalogueAtHand | undefined): ConsentFacts {
  const { state, reasons, sources, stored } = consent;
  if (stored.kind === "none") return { state, reasons, sources, notAgreedTo: [] };
  if (stored.kind !== "decided") return { state, reasons, sources, problem: stored.problem, notAgreedTo: [] };
  const { choice, decidedAtMs, decidedBy: by, sinceMs, agreed } = stored.record;
  return {
    state,
    reasons,
    sources,
    decision: {
      choice,
      at: new Date(decidedAtMs).toISOString(),
      by,
      ...(sinceMs === undefined ? {} : { since: new Date(sinceMs).toISOString() }),
      ...(agreed === undefined ? {} : { catalogue: catalogueDigest(agreed).slice(0, 8) }),
    },
    notAgreedTo: agreed && found?.catalogue ? additions(found.catalogue, agreed) : [],
  };
}

export function printConsent({ line, style }: Output, facts: ConsentFacts): void {
  const row = (name: string, value: string) => line(`${style.dim(name.padEnd(14))}${value}`);
  row("collection", consentInWords(facts));
  for (const { name, says, words, decides } of facts.sources) {
    line(
      `  ${name.padEnd(28)}${says === "nothing" ? style.dim("says nothing") : `${says}: ${words}`}${decides ? "  (decides)" : ""}`,
    );
  }
  const { decision, problem, notAgreedTo } = facts;
  if (decision) {
    const to = decision.catalogue === undefined ? "" : `, about catalogue ${decision.catalogue}`;
    const since =
      decision.since === undefined ? "" : `; what was recorded before ${decision.since} is never sent`;
    row("decided", `${decision.at} by ${decision.by}${to}${since}`);
  }
  if (problem !== undefined)
    line(style.yellow(`${problem}; this counts as a no until \`enable\` or \`disable\` is said anew`));
  if (notAgreedTo.length > 0) {
    line(
      style.yellow(
        `new, and withheld until \`promferry enable\` is said again: ${notAgreedTo.map(additionInWords).join("; ")}`,
      ),
    );
  }
}
