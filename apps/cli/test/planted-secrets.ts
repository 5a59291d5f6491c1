/** Secrets as they come about, made from a seed, so that a run that finds one can be repeated. */

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const HEX = "0123456789abcdef";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const WORD = UPPER + LOWER + DIGITS;
const KUBE = "bcdfghjklmnpqrstvwxz2456789";

export interface Seeded {
  /** In [0, 1). */
  next(): number;
  pick<T>(list: ArrayLike<T>): T;
  text(alphabet: string, length: number): string;
}

export function seeded(seed: number): Seeded {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const pick = <T>(list: ArrayLike<T>): T => list[Math.floor(next() * list.length)]!;
  return { next, pick, text: (alphabet, length) => Array.from({ length }, () => pick(alphabet)).join("") };
}

/** By kind, a secret of it. */
const SECRETS: Readonly<Record<string, (random: Seeded) => string>> = {
  email: (r) =>
    `${r.text(LOWER, 8)}.${r.text(LOWER, 6)}@${r.text(LOWER, 7)}.${r.pick(["com", "co.uk", "example"])}`,
  ipv4: (r) => Array.from({ length: 4 }, () => 1 + Math.floor(r.next() * 254)).join("."),
  ipv6: (r) => Array.from({ length: 8 }, () => `${r.pick(DIGITS)}${r.text(HEX, 3)}`).join(":"),
  shortIpv6: (r) => `2001:db8::${r.text(HEX, 4)}:${r.text(HEX, 4)}`,
  awsHost: (r) => `ip-${Array.from({ length: 4 }, () => Math.floor(r.next() * 256)).join("-")}`,
  mac: (r) => Array.from({ length: 6 }, () => r.text(HEX, 2)).join(r.pick([":", "-"])),
  uuid: (r) => [8, 4, 4, 4, 12].map((length) => r.text(HEX, length)).join("-"),
  nameUuid: (r) => [8, 4, 4, 4, 12].map((length) => r.text(HEX, length)).join("_"),
  jwt: (r) => `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI${r.text(WORD, 12)}.${r.text(WORD, 43)}`,
  pem: (r) => `-----BEGIN ${r.pick(["RSA PRIVATE KEY", "CERTIFICATE"])}----- ${r.text(WORD, 64)}`,
  url: (r) => `https://${r.text(LOWER, 6)}:${r.text(WORD, 12)}@${r.text(LOWER, 8)}/x`,
  home: (r) => `${r.pick(["/home/", "/Users/", "C:\\Users\\"])}${r.text(LOWER, 10)}`,
  pod: (r) => `${r.text(LOWER, 6)}-${r.text(KUBE, 9)}-${r.text(KUBE, 5)}`,
  daemon: (r) => `${r.text(LOWER, 6)}-${r.text(KUBE, 2)}7${r.text(KUBE, 2)}`,
  aws: (r) => `${r.pick(["AKIA", "ASIA"])}${r.text(UPPER + DIGITS, 16)}`,
  github: (r) => `gh${r.pick("pousr")}_${r.text(WORD, 36)}`,
  githubFine: (r) => `github_pat_${r.text(WORD, 22)}_${r.text(WORD, 59)}`,
  gitlab: (r) => `glpat-${r.text(WORD, 20)}`,
  slack: (r) => `xox${r.pick("bp")}-${r.text(DIGITS, 12)}-${r.text(WORD, 24)}`,
  google: (r) => `AIza${r.text(WORD, 35)}`,
  stripe: (r) => `${r.pick(["sk", "rk"])}_live_${r.text(WORD, 24)}`,
  npm: (r) => `npm_${r.text(WORD, 36)}`,
  pypi: (r) => `pypi-AgEIcHlwaS5vcmc${r.text(WORD, 40)}`,
  sendgrid: (r) => `SG.${r.text(WORD, 22)}.${r.text(WORD, 43)}`,
  openai: (r) => `sk-${r.text(WORD, 48)}`,
  huggingface: (r) => `hf_${r.text(WORD, 34)}`,
  vault: (r) => `hvs.${r.text(WORD, 24)}`,
  twilio: (r) => `SK${r.text(HEX, 32)}`,
  digitalocean: (r) => `dop_v1_${r.text(HEX, 64)}`,
  grafana: (r) => `glsa_${r.text(WORD, 32)}_${r.text(HEX, 8)}`,
};

export type Place = "value" | "name" | "label name" | "help" | "exemplar";

export interface Planted {
  readonly kind: string;
  readonly secret: string;
  readonly place: Place;
}

/** As many of every kind as of the others, in every place that can hold them. */
export function plantSecrets(random: Seeded, count: number, own: readonly string[] = []): Planted[] {
  const kinds = Object.keys(SECRETS);
  const planted = Array.from({ length: count }, (_, i): Planted => {
    const kind = kinds[i % kinds.length]!;
    const secret = SECRETS[kind]!(random);
    const isName = /^[A-Za-z0-9_]+$/.test(secret);
    // The exemplar's whole label set has 128 characters at the most.
    const places: Place[] = ["value", "help", ...(secret.length < 100 ? (["exemplar"] as const) : [])];
    if (isName) places.push("name", "label name");
    return { kind, secret, place: random.pick(places) };
  });
  return [...planted, ...own.map((secret): Planted => ({ kind: "own", secret, place: "value" }))];
}

/** What else stands around it, as in a text that somebody wrote. */
export function withAround(random: Seeded, secret: string): string {
  return random.pick([
    secret,
    `for ${secret}`,
    `${secret}, again`,
    `'${secret}'`,
    `key=${secret}`,
    `(${secret})`,
  ]);
}

/** The length of what is looked up: no secret is shorter. */
const HEAD = 7;

/**
 * Finds which of many texts stand in a large one, in one pass over it.
 *
 * @param secrets ASCII, of at least seven characters.
 */
export function createFinder(secrets: readonly string[]): (text: string) => Set<string> {
  const byHead = new Map<string, string[]>();
  const isHead = new Uint8Array(1 << 22);
  for (const secret of secrets) {
    const head = secret.slice(0, HEAD);
    if (head.length < HEAD) throw new RangeError(`${secret} is too short to be looked for`);
    byHead.set(head, [...(byHead.get(head) ?? []), secret]);
    isHead[hashAt(Buffer.from(head, "latin1"), 0)] = 1;
  }
  return (text) => {
    const bytes = Buffer.from(text, "latin1");
    const found = new Set<string>();
    for (let at = 0; at + HEAD <= bytes.length; at++) {
      if (isHead[hashAt(bytes, at)] === 0) continue;
      for (const secret of byHead.get(bytes.toString("latin1", at, at + HEAD)) ?? []) {
        if (bytes.toString("latin1", at, at + secret.length) === secret) found.add(secret);
      }
    }
    return found;
  };
}

function hashAt(bytes: Buffer, at: number): number {
  let hash = 0;
  for (let i = at; i < at + HEAD; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return (hash ^ (hash >>> 11)) & ((1 << 22) - 1);
}
