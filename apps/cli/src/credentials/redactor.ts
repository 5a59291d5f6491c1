/** Takes known secrets out of everything that is shown. */
export interface Redactor {
  /** From now on this text is hidden, as it is and as JSON, URLs and Basic credentials spell it. */
  add(secret: string): void;
  redact(text: string): string;
}

/** Shorter texts would blank out ordinary words; they are no secrets worth the name. */
const SHORTEST_SECRET = 4;

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let ordered: string[] = [];
  return {
    add(secret) {
      const trimmed = secret.trim();
      if (trimmed.length < SHORTEST_SECRET) return;
      secrets.add(trimmed);
      secrets.add(JSON.stringify(trimmed).slice(1, -1));
      secrets.add(encodeURIComponent(trimmed));
      // The longest first, or a secret inside another one would leave the rest of it.
      ordered = [...secrets].sort((a, b) => b.length - a.length);
    },
    redact(text) {
      let shown = text;
      for (const secret of ordered) shown = shown.replaceAll(secret, "[redacted]");
      return shown;
    },
  };
}
