import { OTHER_VALUE } from "@promferry/core/catalogue";
import type { Projected } from "@promferry/core/merge";
import type { Label } from "@promferry/core/series";
import type { Filter } from "../filter.ts";
import type { FindingKind } from "./finding.ts";
import type { Scanner } from "./scanner.ts";

/**
 * What becomes of a finding, mildest first.
 *
 * - `allow`: nothing.
 * - `other`: a value becomes `other`, a label of such a name is dropped, a HELP text is left empty. A series whose
 *   own name is one stays.
 * - `drop`: the series stays.
 * - `block`: the series stays, and an upload ends with exit code 65.
 */
export const SCAN_ACTIONS = ["allow", "other", "drop", "block"] as const;

export type ScanAction = (typeof SCAN_ACTIONS)[number];

export interface ValueScanOptions {
  readonly scanner: Scanner;
  /** Default `other` for every kind. */
  readonly action?: (kind: FindingKind) => ScanAction;
  /**
   * Whether scraped pages are looked through, too. Their labels `job` and `instance` are left alone: the user gave
   * them, and without them two pages are one. Default false.
   */
  readonly pages?: boolean;
}

/**
 * The third net: names, label values and HELP texts that look like a person's or a machine's data. Series that become
 * equal are merged by whoever applies it. `le` and `quantile` are numbers and not looked at.
 */
export function valueScan(options: ValueScanOptions): Filter {
  const { scanner, action = () => "other", pages = false } = options;
  const verdict = (text: string): Verdict => {
    const kinds = scanner(text);
    return kinds.length === 0 ? FINE : gravest(kinds, action);
  };
  return (series, { origin, family }) => {
    if (origin !== "app" && !pages) return series;
    const name = verdict(series.name);
    if (name.action !== "allow") return stays("its name", name);
    const labels = scanLabels(series.labels, verdict, origin === "scrape" ? GIVEN_LABELS : NUMBER_LABELS);
    if ("withheld" in labels) return labels;
    const help = verdict(family.help);
    if (keepsSeries(help)) return stays("its HELP", help);
    const isCleared = help.action === "other";
    if (labels === series.labels && !isCleared) return series;
    return { name: series.name, labels, ...(isCleared ? { help: "" } : {}) };
  };
}

interface Verdict {
  readonly action: ScanAction;
  readonly kind: FindingKind | undefined;
}

const FINE: Verdict = { action: "allow", kind: undefined };
const NUMBER_LABELS: ReadonlySet<string> = new Set(["le", "quantile"]);
const GIVEN_LABELS: ReadonlySet<string> = new Set([...NUMBER_LABELS, "job", "instance"]);

function scanLabels(
  labels: readonly Label[],
  verdict: (text: string) => Verdict,
  passed: ReadonlySet<string>,
): readonly Label[] | Extract<Projected, { withheld: string }> {
  const scanned: Label[] = [];
  let isChanged = false;
  for (const label of labels) {
    const { name, value } = label;
    const ofName = verdict(name);
    const ofValue = passed.has(name) ? FINE : verdict(value);
    if (keepsSeries(ofName)) return stays("a label's name", ofName);
    // What is found in a name must not stand in a report either.
    if (keepsSeries(ofValue)) return stays(ofName === FINE ? `its label ${name}` : "a label", ofValue);
    if (ofName.action !== "allow") isChanged = true;
    else if (ofValue.action === "allow") scanned.push(label);
    else {
      isChanged = true;
      scanned.push({ name, value: OTHER_VALUE });
    }
  }
  return isChanged ? scanned : labels;
}

function gravest(kinds: readonly FindingKind[], action: (kind: FindingKind) => ScanAction): Verdict {
  let worst = FINE;
  for (const kind of kinds) {
    const each = action(kind);
    if (SCAN_ACTIONS.indexOf(each) > SCAN_ACTIONS.indexOf(worst.action)) worst = { action: each, kind };
  }
  return worst;
}

function keepsSeries({ action }: Verdict): boolean {
  return action === "drop" || action === "block";
}

function stays(what: string, { kind, action }: Verdict): Extract<Projected, { withheld: string }> {
  return { withheld: `${what} looks like ${kind}`, ...(action === "block" ? { blocks: true } : {}) };
}
