import { parse } from "yaml";

/** Targets with labels in common, as file_sd and http_sd list them. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Most targets that one list may have; more is a failure. */
const MAX_LISTED_TARGETS = 100_000;

/**
 * Reads a list in Prometheus' form: `[{ "targets": ["host:port"], "labels": { … } }]`. In YAML a number is
 * taken as the text that it is written as.
 *
 * @throws {Error} Says where the list is none, for example `[3].labels: expected a mapping of texts`.
 */
export function parseTargetGroups(text: string, format: "json" | "yaml"): readonly TargetGroup[] {
  const list: unknown = format === "json" ? JSON.parse(text) : parseYaml(text);
  if (list === null && format === "yaml") return [];
  if (!Array.isArray(list)) throw new Error(`expected a list of groups, got ${shown(list)}`);
  let count = 0;
  return list.map((group: unknown, i) => {
    const read = readGroup(group, `[${i}]`);
    count += read.targets.length;
    if (count > MAX_LISTED_TARGETS) throw new Error(`more than ${MAX_LISTED_TARGETS} targets`);
    return read;
  });
}

function parseYaml(text: string): unknown {
  if (text.trim() === "") return null;
  try {
    // Texts only: in a list of targets nothing else has a meaning.
    return parse(text, { schema: "failsafe", maxAliasCount: 100 });
  } catch (error) {
    // Behind it the library shows the lines.
    throw new Error((error as Error).message.split("\n")[0]!.replace(/:$/, ""));
  }
}

function readGroup(group: unknown, at: string): TargetGroup {
  if (!isMapping(group)) throw new Error(`${at}: expected a mapping, got ${shown(group)}`);
  const stray = Object.keys(group).find((key) => key !== "targets" && key !== "labels");
  if (stray !== undefined) throw new Error(`${at}: expected targets and labels, got ${shown(stray)}`);
  const { targets, labels } = group as { targets?: unknown; labels?: unknown };
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === "string")) {
    throw new Error(`${at}.targets: expected a list of texts, got ${shown(targets)}`);
  }
  if (labels === undefined || labels === null || labels === "") return { targets, labels: {} };
  if (!isMapping(labels)) throw new Error(`${at}.labels: expected a mapping of texts, got ${shown(labels)}`);
  for (const [name, value] of Object.entries(labels)) {
    if (name === "") throw new Error(`${at}.labels: expected a name, got an empty one`);
    if (typeof value !== "string")
      throw new Error(`${at}.labels.${name}: expected a text, got ${shown(value)}`);
  }
  return { targets, labels: labels as Record<string, string> };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
