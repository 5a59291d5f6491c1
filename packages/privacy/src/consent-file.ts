import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type Catalogue, catalogueDigest, catalogueFromJson } from "@promferry/core/catalogue";
import type { JournalFs } from "@promferry/core/journal";
import { nodeJournalFs } from "@promferry/core/journal/writer";
import type { EpochMs } from "@promferry/core/series";

/**
 * What the user decided last.
 *
 * - `enabled`: recorded, and sent by whatever the user has set up.
 * - `local`: recorded, never sent.
 * - `disabled`: neither.
 * - `forgetting`: `forget` has begun and not finished; counts as `disabled`.
 */
export type ConsentChoice = "enabled" | "local" | "disabled" | "forgetting";

/** The content of `consent.json`. */
export interface ConsentRecord {
  readonly choice: ConsentChoice;
  readonly decidedAtMs: EpochMs;
  /** How it was said, in words; no name of a person. At most 200 characters. */
  readonly decidedBy: string;
  /**
   * Of `enabled`: what was recorded before never leaves. Absent where the user's yes goes back to the first
   * frame, because the configuration had said it before.
   */
  readonly sinceMs?: EpochMs;
  /** The catalogue that the user was shown. Absent where the program has none. */
  readonly agreed?: Catalogue;
  /** Of `forgetting`: whether the choice before it was a no, which outlives it. */
  readonly refused?: boolean;
}

/** What stands in a journal's directory. Whatever isn't a record in order is no consent. */
export type StoredConsent =
  | { readonly kind: "none" }
  | { readonly kind: "decided"; readonly record: ConsentRecord }
  /** Not what was written. `problem` says why. */
  | { readonly kind: "damaged"; readonly problem: string }
  /** The file system said no, perhaps only for now. */
  | { readonly kind: "unreadable"; readonly problem: string };

/** The file's name inside the journal's directory. */
export const CONSENT_FILE = "consent.json";

/** The largest file that is read, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Whether a file in the journal's directory is the consent file, or one that was to become it. */
export function isConsentFile(name: string): boolean {
  return name === CONSENT_FILE || /^consent\.json\.[0-9a-f]{12}\.tmp$/.test(name);
}

/**
 * What the user decided, as it stands in a journal's directory. Synchronous, for the last moment of a
 * process, too. Never throws.
 */
export function readConsent(dir: string): StoredConsent {
  const path = join(dir, CONSENT_FILE);
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) return { kind: "damaged", problem: `${path}: ${size} bytes are no consent file` };
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "none" };
    return { kind: "unreadable", problem: `${path}: ${message.slice(0, 200)}` };
  }
  try {
    return { kind: "decided", record: parseConsent(text) };
  } catch (error) {
    return { kind: "damaged", problem: `${path}: ${(error as Error).message.slice(0, 200)}` };
  }
}

/**
 * Writes the user's decision: at once for whoever reads, also after a power loss; 0600, in a directory
 * of 0700 where there is none yet.
 *
 * @throws What the file system threw; then the decision before still stands.
 */
export async function writeConsent(
  dir: string,
  record: ConsentRecord,
  fs: JournalFs = nodeJournalFs,
): Promise<void> {
  const bytes = Buffer.from(formatConsent(record));
  const path = join(dir, CONSENT_FILE);
  const aside = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  await fs.makeDirectory(dir);
  try {
    const file = await fs.openAppend(aside);
    try {
      const written = await file.append(bytes);
      if (written !== bytes.length) {
        const message = `cannot write ${path}: only ${written} of ${bytes.length} bytes were written`;
        throw Object.assign(new Error(message), { code: "EIO", path });
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(aside, path);
  } catch (error) {
    await fs.unlink(aside).catch(() => {});
    throw error;
  }
  await fs.syncDirectory(dir);
}

/** The record as JSON, with a check sum: a file that was changed by accident must not become a yes. */
export function formatConsent(record: ConsentRecord): string {
  const { choice, decidedAtMs, decidedBy, sinceMs, agreed, refused } = record;
  const content = {
    v: 1,
    choice,
    decided_at: new Date(decidedAtMs).toISOString(),
    decided_by: decidedBy.slice(0, 200),
    ...(sinceMs === undefined ? {} : { since: new Date(sinceMs).toISOString() }),
    ...(agreed === undefined ? {} : { agreed: { digest: catalogueDigest(agreed), catalogue: agreed } }),
    ...(refused === undefined ? {} : { refused }),
  };
  return `${JSON.stringify({ ...content, crc32: sumOf(content) }, null, 2)}\n`;
}

/** @throws {Error} The text is not what {@link formatConsent} wrote; the message says what is wrong. */
export function parseConsent(text: string): ConsentRecord {
  const { crc32: sum, ...content } = objectIn(text);
  if (content["v"] !== 1) throw new Error(`version ${shown(content["v"])}: expected 1; update this program`);
  if (sum !== sumOf(content)) throw new Error("its check sum is wrong; decide anew with enable or disable");
  const { choice, decided_at: decidedAt, decided_by: decidedBy, since, agreed, refused } = content;
  if (!isChoice(choice)) throw new Error(`choice ${shown(choice)}: expected ${CHOICES.join(", ")}`);
  if (typeof decidedBy !== "string") throw new Error("decided_by: expected a text");
  return {
    choice,
    decidedAtMs: instant("decided_at", decidedAt),
    decidedBy,
    ...(since === undefined ? {} : { sinceMs: instant("since", since) }),
    ...(agreed === undefined ? {} : { agreed: agreedCatalogue(agreed) }),
    ...(refused === undefined ? {} : { refused: refused === true }),
  };
}

const CHOICES: readonly unknown[] = ["enabled", "local", "disabled", "forgetting"];

function isChoice(value: unknown): value is ConsentChoice {
  return CHOICES.includes(value);
}

function sumOf(content: object): string {
  return crc32(JSON.stringify(content)).toString(16).padStart(8, "0");
}

function objectIn(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error("expected a JSON object");
}

function instant(key: string, value: unknown): EpochMs {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new Error(`${key}: expected a time, got ${shown(value)}`);
  return ms;
}

function agreedCatalogue(value: unknown): Catalogue {
  const { digest, catalogue } = value as { digest?: unknown; catalogue?: unknown };
  const agreed = catalogueFromJson(JSON.stringify(catalogue) ?? "");
  if (catalogueDigest(agreed) !== digest) throw new Error("the catalogue is not the one of its digest");
  return agreed;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 40);
}
