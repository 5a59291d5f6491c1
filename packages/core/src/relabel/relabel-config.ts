import { compileRe2 } from "./re2.ts";

/** The actions of Prometheus 3; case does not matter. */
export type RelabelAction =
  | "replace"
  | "keep"
  | "drop"
  | "keepequal"
  | "dropequal"
  | "hashmod"
  | "labelmap"
  | "labeldrop"
  | "labelkeep"
  | "lowercase"
  | "uppercase";

/**
 * One relabelling rule, spelled as in Prometheus' configuration file.
 *
 * @see https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
 */
export interface RelabelConfig {
  /** Labels whose values are joined; an absent label is an empty value. Default none. */
  readonly source_labels?: readonly string[];
  /** Between the joined values. Default `;`. */
  readonly separator?: string;
  /** Must match the whole of what it is held against. Default `(.*)`. */
  readonly regex?: string;
  /** Of `hashmod`: a whole number from 1. */
  readonly modulus?: number;
  readonly target_label?: string;
  /** `$1`, `${1}` and `${name}` stand for groups of `regex`, `$$` for a dollar. Default `$1`. */
  readonly replacement?: string;
  /** Default `replace`. */
  readonly action?: string;
}

/** What is wrong with one rule. */
export interface RelabelProblem {
  /** Which rule, from 0. */
  readonly index: number;
  readonly field: keyof RelabelConfig;
  readonly message: string;
}

/** Rules that Prometheus would refuse. `problems` has all that is wrong with them. */
export class RelabelError extends Error {
  override readonly name = "RelabelError";
  readonly code = "ERR_RELABEL_INVALID";
  readonly problems: readonly RelabelProblem[];

  constructor(problems: readonly RelabelProblem[]) {
    super(problems.map(({ index, message }) => `relabel rule ${index + 1}: ${message}`).join("; "));
    this.problems = problems;
  }
}

export const DEFAULT_SEPARATOR = ";";
export const DEFAULT_REGEX = "(.*)";
export const DEFAULT_REPLACEMENT = "$1";

const ACTIONS: readonly string[] = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] satisfies readonly RelabelAction[];

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A label name in which groups of the expression may stand. */
const LABEL_TEMPLATE = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))(?:\w|\$(?:\{\w+\}|\w+))*$/;

/** Whether a name fits the classic pattern, which every receiver takes. */
export function isLabelName(name: string): boolean {
  return LABEL_NAME.test(name);
}

/** Everything that is wrong with the rules, by Prometheus' own checks; empty when nothing is. */
export function relabelProblems(configs: readonly RelabelConfig[]): readonly RelabelProblem[] {
  return configs.flatMap((config, index) =>
    [...ruleProblems(config)].map(([field, message]) => ({ index, field, message })),
  );
}

type Problem = readonly [field: keyof RelabelConfig, message: string];

function* ruleProblems(config: RelabelConfig): Iterable<Problem> {
  const { regex = DEFAULT_REGEX, target_label: target = "", replacement = DEFAULT_REPLACEMENT } = config;
  const action = (config.action ?? "replace").toLowerCase();
  if (!ACTIONS.includes(action)) {
    yield ["action", `unknown action ${quote(action)}: expected one of ${ACTIONS.join(", ")}`];
    return;
  }
  const compiled = compileRe2(regex);
  if (typeof compiled === "string") yield ["regex", `regex ${quote(regex)}: ${compiled}`];
  if (action === "hashmod" && !(Number.isSafeInteger(config.modulus) && config.modulus! >= 1)) {
    yield ["modulus", "hashmod requires modulus, a whole number from 1"];
  }
  const needsTarget = ["replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"];
  const takesTemplate = action === "replace";
  if (needsTarget.includes(action)) {
    if (target === "") yield ["target_label", `${action} requires target_label`];
    else if (!(takesTemplate ? LABEL_TEMPLATE : LABEL_NAME).test(target)) {
      yield ["target_label", `${quote(target)} is invalid as target_label of ${action}`];
    }
  }
  if (action === "labelmap" && !LABEL_TEMPLATE.test(replacement)) {
    yield ["replacement", `${quote(replacement)} is invalid as replacement of labelmap`];
  }
  if ((action === "lowercase" || action === "uppercase") && replacement !== DEFAULT_REPLACEMENT) {
    yield ["replacement", `replacement can't be set for ${action}`];
  }
  yield* strayFields(action, config);
}

/** Fields that Prometheus refuses beside an action, when they differ from their defaults. */
function* strayFields(action: string, config: RelabelConfig): Iterable<Problem> {
  const stray: (keyof RelabelConfig)[] = [];
  const isLabelAction = action === "labeldrop" || action === "labelkeep";
  const isEqualAction = action === "keepequal" || action === "dropequal";
  if (isLabelAction) {
    if (config.source_labels !== undefined) stray.push("source_labels");
    if ((config.target_label ?? "") !== "") stray.push("target_label");
  }
  if (isEqualAction && (config.regex ?? DEFAULT_REGEX) !== DEFAULT_REGEX) stray.push("regex");
  if (isLabelAction || isEqualAction) {
    if ((config.modulus ?? 0) !== 0) stray.push("modulus");
    if ((config.separator ?? DEFAULT_SEPARATOR) !== DEFAULT_SEPARATOR) stray.push("separator");
    if ((config.replacement ?? DEFAULT_REPLACEMENT) !== DEFAULT_REPLACEMENT) stray.push("replacement");
  }
  const only = isLabelAction ? "regex" : "source_labels and target_label";
  for (const field of stray) yield [field, `${action} takes only ${only}, not ${field}`];
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
