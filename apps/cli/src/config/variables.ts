/**
 * `${NAME}` in the texts of a destination.
 *
 * Some names are built in: `USER_HASH`, and what a session knows, which differs from series to series
 * and so is filled in where labels are made. Every other name is an environment variable. `$${` stands
 * for a plain `${`.
 */

const VARIABLE = /\$(\$\{)|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What the session knows, by variable name without the prefix. */
export const SESSION_FACTS = ["APP", "VERSION", "OS", "ARCH", "RUN_ID", "GIT_SHA"] as const;
export type SessionFact = (typeof SESSION_FACTS)[number];

/** The names used in `text`, each once, in order; malformed ones (`${}`, `${A:-b}`, `${A`) apart. */
export function findVariables(text: string): { names: readonly string[]; malformed: readonly string[] } {
  const names = new Set<string>();
  const malformed = new Set<string>();
  for (const match of text.matchAll(VARIABLE)) {
    if (match[1]) continue;
    const name = match[2] ?? "";
    if (NAME.test(name) && match[3]) names.add(name);
    else malformed.add(match[0].slice(0, 40));
  }
  return { names: [...names], malformed: [...malformed] };
}

/**
 * Replaces each `${NAME}` by what `lookup` says.
 *
 * @param lookup `undefined` leaves the variable as it stands.
 */
export function expandVariables(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(VARIABLE, (whole, escaped: string | undefined, name: string | undefined) =>
    escaped ? escaped : (lookup(name ?? "") ?? whole),
  );
}

/** Which fact of the session `name` stands for: `K1_VERSION` for an app named k1, `PROMFERRY_OS`. */
export function sessionFact(name: string, app: string): SessionFact | undefined {
  const prefix = `${app.toUpperCase().replaceAll("-", "_")}_`;
  if (name === `${prefix}VERSION`) return "VERSION";
  return SESSION_FACTS.find((fact) => name === `PROMFERRY_${fact}`);
}
