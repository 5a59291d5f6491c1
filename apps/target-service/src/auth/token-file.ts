import { randomBytes } from "node:crypto";
import { open, readFile, rename, stat } from "node:fs/promises";
import { hashSecret, isId, parseIpRange } from "@promferry/target-registry";
import { mapping, readYaml, refine, scalar, sequence, text } from "../config/yaml-reader.ts";
import type { Caller } from "./caller.ts";

/** Finds who a token belongs to. */
export interface TokenSource {
  /** @param hash SHA-256 of the token's text, lower-case hex. Undefined when it is unknown or has expired. */
  find(hash: string): Promise<Exclude<Caller, { role: "instance" }> | undefined>;
}

export interface TokenFileOptions {
  readonly now?: () => number;
  /** How long what was read is used without looking at the file, in milliseconds. Default 1,000. */
  readonly freshMs?: number;
  /** Told once when a changed file can't be used; the tokens read before go on being good. */
  readonly onError?: (error: Error) => void;
}

export interface TokenEntry {
  readonly sha256: string;
  readonly caller: Exclude<Caller, { role: "instance" }>;
  readonly expiresAt: number;
}

const name = text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "a name of at most 64 letters, digits, . _ -");

const entryFields = mapping({
  name,
  role: text(/^(?:platform|registrar|reader)$/, "platform, registrar or reader"),
  sha256: text(/^[0-9a-f]{64}$/, "the SHA-256 of the token, 64 lower-case hex digits"),
  project: scalar("a project's id", (value) =>
    typeof value === "string" && isId(value) ? value : undefined,
  ),
  endpoints: sequence(text(/^[a-z][a-z0-9-]{0,31}$/, "an endpoint's name")),
  ranges: sequence(
    scalar("a CIDR range without bits below its prefix", (value) =>
      typeof value === "string" ? parseIpRange(value)?.text : undefined,
    ),
  ),
  expires: scalar("a time such as 2030-01-01T00:00:00Z", (value) => {
    const at = Date.parse(String(value));
    return Number.isNaN(at) ? undefined : at;
  }),
});

/**
 * Reads the text of a token file: `tokens`, each with `name`, `role`, `sha256`, and `project` (a registrar must have one),
 * `ranges` (a registrar may), `endpoints` (a reader may), `expires`.
 *
 * @throws {Error} With every problem, `line:column`.
 */
export function parseTokenFile(source: string): readonly TokenEntry[] {
  const seen = new Set<string>();
  const entry = refine(entryFields, (fields): TokenEntry | string => {
    const { name, role, sha256, project, endpoints, ranges, expires = Infinity } = fields;
    if (name === undefined || role === undefined || sha256 === undefined) {
      return "expected name, role and sha256";
    }
    if (seen.has(sha256)) return "this sha256 stands here twice";
    seen.add(sha256);
    if (endpoints !== undefined && role !== "reader") return "only a reader has endpoints";
    if (ranges !== undefined && role !== "registrar") return "only a registrar has ranges";
    if (role === "platform" && project !== undefined) return "a platform has no project; that is a registrar";
    if (role === "registrar" && project === undefined) return "a registrar has a project";
    return { sha256, expiresAt: expires, caller: callerOf({ ...fields, role, name }) };
  });
  const read = readYaml(source, mapping({ tokens: sequence(entry) }));
  if (!read.ok) throw new Error(read.problems.join("\n"));
  return read.value.tokens ?? [];
}

function callerOf({ role, name, project, endpoints, ranges }: CallerFields): TokenEntry["caller"] {
  if (role === "registrar" && project !== undefined) {
    return { role, name, project, ...(ranges !== undefined && { ranges }) };
  }
  if (role !== "reader") return { role: "platform", name };
  return {
    role,
    name,
    ...(project !== undefined && { project }),
    ...(endpoints !== undefined && { endpoints }),
  };
}

interface CallerFields {
  readonly role: string;
  readonly name: string;
  readonly project?: string;
  readonly endpoints?: readonly string[];
  readonly ranges?: readonly string[];
}

/** Tokens that don't change. */
export function fixedTokens(entries: readonly TokenEntry[], now: () => number = Date.now): TokenSource {
  const byHash = new Map(entries.map((entry) => [entry.sha256, entry]));
  return {
    async find(hash) {
      const entry = byHash.get(hash);
      return entry !== undefined && now() < entry.expiresAt ? entry.caller : undefined;
    },
  };
}

/**
 * Tokens of a file that is read again once it has changed: write a new one, rename it into place.
 *
 * @throws {Error} When the file can't be read at first.
 */
export async function openTokenFile(path: string, options: TokenFileOptions = {}): Promise<TokenSource> {
  const { now = Date.now, freshMs = 1_000, onError = () => {} } = options;
  let seen = await stampOf(path);
  let tokens = fixedTokens(parseTokenFile(await readFile(path, "utf8")), now);
  let checkedAt = now();
  let checking: Promise<void> | undefined;
  let told = "";

  async function check(): Promise<void> {
    try {
      const stamp = await stampOf(path);
      if (stamp === seen) return;
      const source = await readFile(path, "utf8");
      // What could not be read is read again: its rights may be mended without a change of its stamp.
      seen = stamp;
      tokens = fixedTokens(parseTokenFile(source), now);
      told = "";
    } catch (error) {
      const { message } = error as Error;
      if (message !== told) onError(new Error(`${path}: ${message}`, { cause: error }));
      told = message;
    }
  }
  return {
    async find(hash) {
      if (Math.abs(now() - checkedAt) >= freshMs) {
        checking ??= check().finally(() => {
          checkedAt = now();
          checking = undefined;
        });
        await checking;
      }
      return tokens.find(hash);
    },
  };
}

/** A new token: its text, shown once, and the lines of a token file. */
export function mintToken(
  caller: Exclude<Caller, { role: "instance" }>,
  random: (size: number) => Uint8Array = randomBytes,
): { readonly text: string; readonly lines: string } {
  const token = `pft_${caller.role}_${Buffer.from(random(32)).toString("base64url")}`;
  const lines = [
    `  - name: ${JSON.stringify(caller.name)}`,
    `    role: ${caller.role}`,
    `    sha256: "${hashSecret(token)}"`,
    ...("project" in caller && caller.project !== undefined
      ? [`    project: ${JSON.stringify(caller.project)}`]
      : []),
    ...("ranges" in caller && caller.ranges !== undefined
      ? [`    ranges: ${JSON.stringify(caller.ranges)}`]
      : []),
    ...("endpoints" in caller && caller.endpoints !== undefined
      ? [`    endpoints: ${JSON.stringify(caller.endpoints)}`]
      : []),
  ];
  return { text: token, lines: `${lines.join("\n")}\n` };
}

/**
 * Adds lines of `mintToken` to a token file, or makes one, 0600; replaced whole, so that no reader sees half of it.
 *
 * @throws {Error} When the file would not be right then; it is left as it is.
 */
export async function addToken(path: string, lines: string): Promise<void> {
  const present = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return `${HEAD}tokens:\n`;
    throw error;
  });
  const text = `${present.replace(/\n*$/, "\n")}${lines}`;
  parseTokenFile(text);
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

const HEAD = "# Rotate by replacing an entry: the file is read again while the service runs.\n";

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}
