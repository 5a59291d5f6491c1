import { type Instance, targetOf } from "../model/instance.ts";
import { META } from "./discovery-labels.ts";

/** What lists show of a served instance, and what they select it by. */
export interface ListedInstance {
  readonly id: string;
  readonly project: string;
  readonly scope: string;
  /** By the name of the endpoint. */
  readonly groups: Readonly<Record<string, ListedGroups>>;
}

/** Targets of an instance in one list. */
export interface ListedGroups {
  /** JSON, a group for each target, each behind a comma and a line break. */
  readonly text: string;
  readonly count: number;
}

export function listedInstance(instance: Instance): ListedInstance {
  const { id, project, scope, endpoints } = instance;
  const labels = labelsOf(instance);
  const groups: Record<string, ListedGroups> = {};
  for (const endpoint of endpoints) {
    const before = Object.hasOwn(groups, endpoint.name) ? groups[endpoint.name] : undefined;
    // Joined, not added up: a sum would stay a tree of its pieces, and each list would walk it again.
    const pieces = [before?.text, ',\n{"targets":["', targetOf(endpoint), '"],"labels":', ...labels, "}"];
    groups[endpoint.name] = { text: pieces.join(""), count: (before?.count ?? 0) + 1 };
  }
  return { id, project, scope, groups };
}

/** Pieces of the JSON of its labels. */
function labelsOf({ id, project, service, labels }: Instance): readonly string[] {
  const pieces = [
    ...[`{"${META.instance}":`, quoted(id), `,"${META.project}":`, quoted(project)],
    ...[`,"${META.service}":`, quoted(service)],
  ];
  for (const name of Object.keys(labels).sort()) {
    pieces.push(`,"${META.label}${name}":`, quoted(labels[name]!));
  }
  pieces.push("}");
  return pieces;
}

const PLAIN = /^[\w.-]*$/;

/** JSON of a string; most of them need no care. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
