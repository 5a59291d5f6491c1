import type { Report } from "./report.ts";

/** What looks like a credential wherever it stands, and what to call it in a message. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/g, "a private key"],
  [/\bAKIA[0-9A-Z]{16}\b/g, "an AWS access key"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}\b/g, "a GitHub token"],
  [/\bglpat-[A-Za-z0-9_-]{20,}/g, "a GitLab token"],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,}/g, "a Slack token"],
  [/\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*/g, "a signed web token"],
  [/\bBearer +[A-Za-z0-9._~+/-]{16,}=*/g, "a bearer token"],
];

/**
 * A name that says secret, then a literal. Paths, variables, references and booleans are none.
 *
 * Every repetition is bounded, here and in the other patterns: user data comes from strangers.
 */
const NAMED =
  /(?<![A-Za-z])(?:[A-Za-z0-9]{1,32}[_-]){0,4}(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|secret[_-]?key|access[_-]?key)(?:["']?[ \t]{0,8}[:=][ \t]{0,8}["']?)(?![/$<%{]|(?:true|false|yes|no|none|null)\b)([^\s"'`,;$<>{}()\\]{6,})/gi;

/** Reports what looks like a secret in the text: user data can be read by everybody on the instance. */
export function checkSecrets(text: string, report: Report): void {
  const advice =
    "user data can be read by every process of the instance: hand it over in another way, or make it useless once used";
  for (const [pattern, name] of KNOWN) {
    for (const match of text.matchAll(pattern))
      report("secret-literal", match.index, `${name} in the open; ${advice}`);
  }
  for (const match of text.matchAll(NAMED)) {
    const name = /^[\w-]+/.exec(match[0])![0];
    const at = match.index + match[0].length - match[1]!.length;
    report("secret-literal", at, `${name} has a literal value; ${advice}`);
  }
}
