import { createHash } from "node:crypto";
import { compareCodePoints, type Label } from "../series/index.ts";
import { expandTemplate } from "./expand.ts";
import { compileRe2 } from "./re2.ts";
import {
  DEFAULT_REGEX,
  DEFAULT_REPLACEMENT,
  DEFAULT_SEPARATOR,
  isLabelName,
  type RelabelAction,
  type RelabelConfig,
  RelabelError,
  relabelProblems,
} from "./relabel-config.ts";

/**
 * Applies rules to a label list, `__name__` included. `undefined`: the series is dropped. The result is
 * sorted by name; it may lack `__name__` when a rule took it away.
 */
export type Relabel = (labels: readonly Label[]) => readonly Label[] | undefined;

/**
 * Compiles rules with the semantics of Prometheus 3 and classic label names. A label set to the empty
 * string is gone. The function that comes back is pure.
 *
 * @throws {RelabelError} A rule is one that Prometheus would refuse, or has an expression that can't be
 * translated.
 */
export function compileRelabel(configs: readonly RelabelConfig[]): Relabel {
  const problems = relabelProblems(configs);
  if (problems.length > 0) throw new RelabelError(problems);
  const steps = configs.map(compileStep);
  return (labels) => {
    const bag = new Map<string, string>();
    for (const { name, value } of labels) if (value !== "") bag.set(name, value);
    for (const step of steps) if (!step(bag)) return undefined;
    const relabelled = Array.from(bag, ([name, value]) => ({ name, value }));
    return relabelled.sort((a, b) => compareCodePoints(a.name, b.name));
  };
}

/** Changes the bag and says whether the series stays. */
type Step = (bag: Map<string, string>) => boolean;

function compileStep(config: RelabelConfig): Step {
  const { source_labels: sources = [], separator = DEFAULT_SEPARATOR, target_label: target = "" } = config;
  const { regex: source = DEFAULT_REGEX, replacement = DEFAULT_REPLACEMENT, modulus = 1 } = config;
  const action = (config.action ?? "replace").toLowerCase() as RelabelAction;
  const regex = compileRe2(source) as RegExp;
  const input = (bag: Map<string, string>) => sources.map((name) => bag.get(name) ?? "").join(separator);
  switch (action) {
    case "keep":
      return (bag) => regex.test(input(bag));
    case "drop":
      return (bag) => !regex.test(input(bag));
    case "keepequal":
      return (bag) => input(bag) === (bag.get(target) ?? "");
    case "dropequal":
      return (bag) => input(bag) !== (bag.get(target) ?? "");
    case "replace":
      return (bag) => replace(bag, regex.exec(input(bag)), target, replacement);
    case "lowercase":
      return (bag) => set(bag, target, Array.from(input(bag), lower).join(""));
    case "uppercase":
      return (bag) => set(bag, target, Array.from(input(bag), upper).join(""));
    case "hashmod":
      return (bag) => set(bag, target, hashModulo(input(bag), modulus));
    case "labelmap":
      return (bag) => mapLabels(bag, regex, replacement);
    case "labeldrop":
      return (bag) => filterLabels(bag, (name) => !regex.test(name));
    case "labelkeep":
      return (bag) => filterLabels(bag, (name) => regex.test(name));
  }
}

function set(bag: Map<string, string>, name: string, value: string): true {
  if (value === "") bag.delete(name);
  else bag.set(name, value);
  return true;
}

function replace(
  bag: Map<string, string>,
  match: RegExpExecArray | null,
  target: string,
  text: string,
): true {
  if (!match) return true;
  const name = expandTemplate(target, match);
  return isLabelName(name) ? set(bag, name, expandTemplate(text, match)) : true;
}

/** Matches the names that were there before the step, whatever the step adds. */
function mapLabels(bag: Map<string, string>, regex: RegExp, replacement: string): true {
  for (const [name, value] of [...bag].sort(([a], [b]) => compareCodePoints(a, b))) {
    const match = regex.exec(name);
    const mapped = match ? expandTemplate(replacement, match) : "";
    if (isLabelName(mapped)) bag.set(mapped, value);
  }
  return true;
}

function filterLabels(bag: Map<string, string>, keeps: (name: string) => boolean): true {
  for (const name of [...bag.keys()]) if (!keeps(name)) bag.delete(name);
  return true;
}

/** The last eight bytes of the MD5 sum, big-endian, modulo. */
function hashModulo(text: string, modulus: number): string {
  const hash = createHash("md5").update(text).digest().readBigUInt64BE(8);
  return String(hash % BigInt(modulus));
}

// Go maps one character to one; JavaScript makes two of a few (`ß` to `SS`, `İ` to `i` and a dot).
function lower(char: string): string {
  return String.fromCodePoint(char.toLowerCase().codePointAt(0)!);
}

function upper(char: string): string {
  const mapped = char.toUpperCase();
  return String.fromCodePoint(mapped.codePointAt(0)!) === mapped ? mapped : char;
}
