import { errorAt, type Finding, warningAt } from "./finding.ts";
import type { ConfigPath } from "./positions.ts";
import type { AuthConfig } from "./schema.ts";

const PASSWORD_KEYS = ["password", "password_file", "password_cmd"] as const;
const TOKEN_KEYS = ["token", "token_file", "token_cmd"] as const;

/** `type`, or what the other fields say it is. */
export function authType(auth: AuthConfig | undefined): "none" | "basic" | "bearer" {
  if (!auth) return "none";
  if (auth.type) return auth.type;
  if (TOKEN_KEYS.some((key) => auth[key] !== undefined)) return "bearer";
  return "basic";
}

/** The one field that the secret comes from. */
export function secretKey(auth: AuthConfig): (typeof PASSWORD_KEYS | typeof TOKEN_KEYS)[number] | undefined {
  return [...PASSWORD_KEYS, ...TOKEN_KEYS].find((key) => auth[key] !== undefined);
}

export function checkAuth(auth: AuthConfig, path: ConfigPath): Finding[] {
  const passwords = PASSWORD_KEYS.filter((key) => auth[key] !== undefined);
  const tokens = TOKEN_KEYS.filter((key) => auth[key] !== undefined);
  const findings: Finding[] = [];
  const forbid = (keys: readonly string[], reason: string) => {
    for (const key of keys) {
      findings.push({ severity: "error", at: "key", path: [...path, key], message: `${key} ${reason}` });
    }
  };
  const needOne = (given: readonly string[], known: readonly string[]) => {
    if (given.length === 0) findings.push(errorAt(path, `expected one of ${known.join(", ")}`));
    forbid(given.slice(1), `stands beside ${given[0]}; only one of them can be meant`);
  };
  const username = auth.username === undefined ? [] : ["username"];
  const type = authType(auth);
  if (type === "none") forbid([...username, ...passwords, ...tokens], "has no meaning with type: none");
  else if (type === "basic") {
    forbid(tokens, "belongs to type: bearer");
    if (username.length === 0) findings.push(errorAt(path, "username is missing"));
    needOne(passwords, PASSWORD_KEYS);
  } else {
    forbid([...username, ...passwords], "belongs to type: basic");
    needOne(tokens, TOKEN_KEYS);
  }
  for (const key of ["password", "token"] as const) {
    if (auth[key] !== undefined && !auth[key].includes("${")) {
      const message = `a secret in plain text; better \${VARIABLE}, ${key}_file or ${key}_cmd`;
      findings.push(warningAt([...path, key], message));
    }
  }
  return findings;
}
