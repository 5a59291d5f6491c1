import { errorAt, type Finding } from "./finding.ts";
import type { ConfigPath } from "./positions.ts";
import type { DestinationConfig } from "./schema.ts";
import { findVariables, sessionFact } from "./variables.ts";

/** A text of a destination in which variables are replaced. */
export interface VariableText {
  readonly text: string;
  /** Inside the destination. */
  readonly path: ConfigPath;
  /** What may stand in it besides the environment: everything, the identity too, or nothing. */
  readonly place: "label" | "header" | "plain";
}

/**
 * Every text of a destination in which variables are replaced. Commands are not among them: a shell
 * has variables of its own. Nor are relabelling rules, where `${1}` is a group of the expression.
 */
export function variableTexts(destination: DestinationConfig): VariableText[] {
  const texts: VariableText[] = [];
  const add = (text: string | undefined, path: ConfigPath, place: VariableText["place"] = "plain") => {
    if (text !== undefined) texts.push({ text, path, place });
  };
  const { auth, tls } = destination;
  add(destination.url, ["url"]);
  for (const key of ["username", "password", "password_file", "token", "token_file"] as const) {
    add(auth?.[key], ["auth", key]);
  }
  for (const key of ["ca_file", "cert_file", "key_file"] as const) add(tls?.[key], ["tls", key]);
  add(destination.tenant, ["tenant"]);
  for (const [key, value] of Object.entries(destination.headers)) add(value, ["headers", key], "header");
  add(destination.job_name, ["job_name"]);
  for (const [key, value] of Object.entries(destination.external_labels)) {
    add(value, ["external_labels", key], "label");
  }
  for (const [key, value] of Object.entries(destination.grouping_keys ?? {})) {
    add(value, ["grouping_keys", key], "label");
  }
  return texts;
}

/** Errors in how variables are written; whether they are set is another question. */
export function checkVariables(destination: DestinationConfig, path: ConfigPath, app: string): Finding[] {
  return variableTexts(destination).flatMap(({ text, path: inner, place }) => {
    const { names, malformed } = findVariables(text);
    const at = [...path, ...inner];
    const findings = malformed.map((piece) =>
      errorAt(at, `expected a variable such as \${NAME}, got ${piece}; write $\${ for a plain \${`),
    );
    for (const name of names) {
      if (place !== "label" && sessionFact(name, app)) {
        findings.push(
          errorAt(at, `\${${name}} differs by session, so it can only stand in labels and grouping keys`),
        );
      }
      if (place === "plain" && name === "USER_HASH") {
        findings.push(errorAt(at, `\${USER_HASH} can only stand in labels, grouping keys and headers`));
      }
    }
    return findings;
  });
}

/** The environment variables that a destination names and that are not set, with their places. */
export function unsetVariables(
  destination: DestinationConfig,
  app: string,
  env: Readonly<Record<string, string | undefined>>,
): { name: string; path: ConfigPath }[] {
  return variableTexts(destination).flatMap(({ text, path }) =>
    findVariables(text)
      .names.filter((name) => name !== "USER_HASH" && !sessionFact(name, app) && env[name] === undefined)
      .map((name) => ({ name, path })),
  );
}
