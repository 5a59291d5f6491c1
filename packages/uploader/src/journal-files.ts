import { dayOfFile } from "@promferry/core/journal";
import { isConsentFile, isIdentityFile } from "@promferry/privacy";
import { LEDGER_FILE } from "./ledger-store.ts";
import { TOTALS_FILE } from "./totals-store.ts";

/** The folders that an uploader makes inside a journal's directory. */
export const OWN_FOLDERS: readonly string[] = ["quarantine", "rejected"];

/** What a file in a journal's directory is to us. */
export type OwnFile = "lock" | "data" | "ledger" | "identity" | "consent";

const LOCK = /^\.upload-lock\.\d{1,15}$/;
/** Of a process that died while it refreshed its lock. */
const SPARE_LOCK = /^\.upload-lock\.\d{1,15}\.tmp$/;
const CATALOGUE = /^(catalog-[0-9a-f]{8}\.json|\.catalog-[0-9a-f]{8}\.json\.[0-9a-f]{8})$/;
/** `.maintained` is the collector's: when it last looked after the folder. */
const STATE = [TOTALS_FILE, `${TOTALS_FILE}.tmp`, `${TOTALS_FILE}.damaged`, ".maintained"];
/** `doctor` looks whether it may write, and may have died meanwhile. */
const PROBE = /^\.doctor-[0-9a-f]{8}$/;
/** While a day is compressed or repaired. */
const PARTIAL = /(\.repair)?\.partial$/;
const LEFTOVER: Readonly<Record<string, RegExp>> = {
  quarantine: /^(index\.jsonl|\d{4}-\d{2}-\d{2}.*\.damaged(\.tmp)?)$/,
  rejected: /^\d{4}-\d{2}-\d{2}-.*\.jsonl$/,
};

/** @returns Undefined for a file that none of ours is called like. What readers take for a day file is one. */
export function ownFile(name: string): OwnFile | undefined {
  if (LOCK.test(name)) return "lock";
  if (isConsentFile(name)) return "consent";
  if (isIdentityFile(name)) return "identity";
  if (name === LEDGER_FILE || name === `${LEDGER_FILE}.tmp`) return "ledger";
  const isData = dayOfFile(name.replace(PARTIAL, "")) !== undefined;
  const isSpare = SPARE_LOCK.test(name) || PROBE.test(name);
  return isData || isSpare || STATE.includes(name) || CATALOGUE.test(name) ? "data" : undefined;
}

/** The same for a file inside one of {@link OWN_FOLDERS}. */
export function isOwnLeftover(folder: string, name: string): boolean {
  return LEFTOVER[folder]?.test(name) ?? false;
}
