import { allowsValue, type Catalogue, type CatalogueLabel } from "@promferry/core/catalogue";
import { allowList } from "./allow-list.ts";
import type { Filter } from "./filter.ts";

/** Something that a catalogue has and the user has not agreed to. */
export interface Addition {
  readonly metric: string;
  /** Absent: the whole metric. */
  readonly label?: string;
  /** Of a label that was there: what it may say now. Absent: the whole label. */
  readonly values?: readonly string[];
}

/**
 * Lets through what the user agreed to: other metrics are withheld, other labels dropped, other values
 * become `other`, until `enable` has shown them. Pages of `origin=scrape` pass untouched.
 */
export function agreedOnly(agreed: Catalogue): Filter {
  const allow = allowList(agreed);
  return (series, context) => {
    const projected = allow(series, context);
    return "withheld" in projected ? { withheld: "not agreed to yet" } : projected;
  };
}

/** What a catalogue has beyond the one that the user agreed to, in the catalogue's order. */
export function additions(catalogue: Catalogue, agreed: Catalogue): readonly Addition[] {
  const known = new Map(agreed.metrics.map((metric) => [metric.name, metric]));
  return catalogue.metrics.flatMap(({ name: metric, labels }): Addition[] => {
    const before = known.get(metric);
    if (before === undefined) return [{ metric }];
    return Object.entries(labels).flatMap(([label, rule]): Addition[] => {
      const agreedRule = Object.hasOwn(before.labels, label) ? before.labels[label] : undefined;
      if (agreedRule === undefined) return [{ metric, label }];
      const values = addedValues(rule, agreedRule);
      return values.length > 0 ? [{ metric, label, values }] : [];
    });
  });
}

function addedValues(rule: CatalogueLabel, agreed: CatalogueLabel): readonly string[] {
  if (rule.kind === "closed") {
    const allows = allowsValue(agreed);
    return rule.values.filter((value) => !allows(value));
  }
  if (agreed.kind === "open") return [];
  if (rule.kind === "open") return ["any value"];
  const isSame = agreed.kind === "pattern" && agreed.source === rule.source && agreed.flags === rule.flags;
  return isSame ? [] : [`values of the form ${rule.source}`];
}
