import { ProblemError } from "./problem.ts";

/** Weak: leases and boots change the document without a revision. */
export function revisionTag(rev: number): string {
  return `W/"${rev}"`;
}

/**
 * The revision that a PUT asks for, by `If-Match` or, for what must not exist, `If-None-Match: *`.
 *
 * @throws {ProblemError} `invalid_request` when it is no revision of ours.
 */
export function wantedRevision(headers: {
  readonly "if-match"?: string | undefined;
  readonly "if-none-match"?: string | undefined;
}): number | undefined {
  const match = headers["if-match"];
  if (match === undefined) return headers["if-none-match"] === "*" ? 0 : undefined;
  const [, digits] = /^(?:W\/)?"([0-9]{1,15})"$/.exec(match) ?? [];
  if (digits === undefined) {
    throw new ProblemError("invalid_request", 'If-Match: expected a revision such as W/"7"');
  }
  return Number(digits);
}

/** Whether `If-None-Match` names `tag`, compared weakly (RFC 9110, 13.1.2). */
export function isCurrent(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const plain = (text: string): string => text.trim().replace(/^W\//, "");
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((entry) => plain(entry) === plain(tag));
}
