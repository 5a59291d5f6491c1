import type { FindingKind } from "./finding.ts";
import { isIpv6 } from "./ipv6.ts";
import { PATTERNS, type Pattern, type PatternPlace } from "./patterns.ts";

/** What a text looks like, each kind once; empty for most texts. */
export type Scanner = (text: string) => readonly FindingKind[];

export interface ScannerOptions {
  /** Names of this machine, compared and never kept anywhere else; see `ownNames`. Default none. */
  readonly ownNames?: readonly string[];
}

/** The longest text that is looked through, in UTF-16 units. */
const MAX_LENGTH = 4_096;
/** How many texts' findings are kept, since the same ones come with every frame. */
const MAX_KNOWN = 20_000;

const NOTHING: readonly FindingKind[] = [];
const AT: Readonly<Record<PatternPlace, readonly Pattern[]>> = {
  word: at("word"),
  dotted_word: at("dotted_word"),
  at_sign: at("at_sign"),
  colon: at("colon"),
  slash: at("slash"),
  backslash: at("backslash"),
  dash: at("dash"),
};

/**
 * The third net: looks for what should not leave a machine in texts that were allowed to.
 *
 * It finds shapes, no meaning: a person's name, a secret without a prefix, or anything in another encoding (base64,
 * percent signs) passes. What it finds may be harmless: 1.2.3.4 is an address and a version.
 */
export function createScanner({ ownNames = [] }: ScannerOptions = {}): Scanner {
  const names = [...new Set(ownNames.map((name) => name.toLowerCase()))];
  const known = new Map<string, readonly FindingKind[]>();
  return (text) => {
    let found = known.get(text);
    if (found === undefined) {
      found = find(text, names);
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(text, found);
    }
    return found;
  };
}

function find(text: string, ownNames: readonly string[]): readonly FindingKind[] {
  if (text.length > MAX_LENGTH) return ["too_long"];
  const found = new Set<FindingKind>();
  if (ownNames.length > 0 && holdsName(text.toLowerCase(), ownNames)) found.add("own_name");
  let before = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (isWord(char)) {
      if (!isWord(before)) {
        tryAll(AT.word, text, i, found, isTail(text, i));
        if (before !== "." && before !== "-") tryAll(AT.dotted_word, text, i, found);
        if (before !== ":" && isHex(char)) tryIpv6(text, i, found);
      }
    } else if (char === "@") {
      if (before !== "" && isLocalPart(before)) tryAll(AT.at_sign, text, i, found);
    } else if (char === ":") {
      tryAll(AT.colon, text, i, found);
      if (before !== ":" && !isWord(before)) tryIpv6(text, i, found);
    } else if (char === "/") {
      if (!isPath(before)) tryAll(AT.slash, text, i, found);
    } else if (char === "\\") tryAll(AT.backslash, text, i, found);
    else if (char === "-" && before !== "-") tryAll(AT.dash, text, i, found);
    before = char;
  }
  return found.size === 0 ? NOTHING : [...found];
}

/** @param noIp Whether it stands behind another number and a dot, and is no address. */
function tryAll(
  patterns: readonly Pattern[],
  text: string,
  from: number,
  found: Set<FindingKind>,
  noIp = false,
): void {
  for (const { kind, regex, least } of patterns) {
    if (text.length - from < least || found.has(kind) || (noIp && kind === "ip")) continue;
    regex.lastIndex = from;
    if (regex.test(text)) found.add(kind);
  }
}

function tryIpv6(text: string, from: number, found: Set<FindingKind>): void {
  let end = from;
  let colons = 0;
  while (end < text.length && (isHex(text[end]!) || text[end] === ":")) {
    if (text[end] === ":") colons++;
    end++;
  }
  if (colons < 2 || (end < text.length && isWord(text[end]!))) return;
  if (isIpv6(text.slice(from, end))) found.add("ip");
}

/** As `2.3.4.5` is in `1.2.3.4.5`. */
function isTail(text: string, at: number): boolean {
  const digit = text[at - 2];
  return text[at - 1] === "." && digit !== undefined && digit >= "0" && digit <= "9";
}

function holdsName(lower: string, names: readonly string[]): boolean {
  return names.some((name) => {
    for (let at = lower.indexOf(name); at >= 0; at = lower.indexOf(name, at + 1)) {
      if (!isWord(lower[at - 1] ?? "") && !isWord(lower[at + name.length] ?? "")) return true;
    }
    return false;
  });
}

function at(place: PatternPlace): readonly Pattern[] {
  return PATTERNS.filter((pattern) => pattern.place === place);
}

function isWord(char: string): boolean {
  return (char >= "0" && char <= "9") || (char >= "a" && char <= "z") || (char >= "A" && char <= "Z");
}

function isHex(char: string): boolean {
  return (char >= "0" && char <= "9") || (char >= "a" && char <= "f") || (char >= "A" && char <= "F");
}

/** What may stand before the @ of an address. */
function isLocalPart(char: string): boolean {
  return char > " " && !"\"'<>()[]{},;:@/\\=|".includes(char);
}

function isPath(char: string): boolean {
  return isWord(char) || char === "_" || char === "-" || char === ".";
}
