import type { Refusal } from "@promferry/core/delivery";

/** Adds up what is refused, by rule. */
export interface Refusals {
  /**
   * @param rule The same text for all that break it.
   * @param name What broke it; a few of them are shown.
   * @param words What the gateway said of it; shown behind the first name.
   */
  add(rule: string, name: string, count: number, words?: string): void;
  list(): readonly Refusal[];
}

const MAX_NAMES = 5;
const NAME_LENGTH = 64;

export function createRefusals(): Refusals {
  const rules = new Map<string, { count: number; names: Set<string>; words: string | undefined }>();
  return {
    add(rule, name, count, words) {
      let known = rules.get(rule);
      if (!known) {
        known = { count: 0, names: new Set(), words };
        rules.set(rule, known);
      }
      known.count += count;
      const shown = name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH)}…` : name;
      if (known.names.size < MAX_NAMES) known.names.add(shown);
    },
    list: () =>
      Array.from(rules, ([rule, { count, names, words }]) => {
        const [first, ...others] = names;
        const examples = [words === undefined ? first : `${first} (${words})`, ...others];
        return { reason: `${rule}, for example ${examples.join(", ")}`, count };
      }),
  };
}
