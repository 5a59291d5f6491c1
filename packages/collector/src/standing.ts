import { join } from "node:path";
import type { Catalogue } from "@promferry/core";
import type { JournalFs } from "@promferry/core/journal";
import { packedName } from "@promferry/core/journal/writer";
import type { Consent, DirectoryConsent } from "@promferry/privacy";

/** The consent that a session was begun under. */
export interface Standing {
  readonly grant: NonNullable<Consent["grant"]>;
  /** What the user agreed to; absent where nobody was shown a catalogue. */
  readonly agreed: Catalogue | undefined;
  /** Remembers a file that the session has written to. */
  wroteTo(file: string): void;
  /**
   * Whether the session may go on: the user's decision is still the one that it began under, and its last
   * file is still there, compressed or not. One that is gone was erased by `forget`.
   *
   * @throws {Error} Nobody can tell at the moment.
   */
  holds(): boolean;
}

export interface StandingOptions {
  readonly dir: string;
  readonly fs: Pick<JournalFs, "statSync">;
  /** Resolves consent anew. */
  readonly ask: () => DirectoryConsent;
}

/** @returns `undefined` without consent. */
export function createStanding({ dir, fs, ask }: StandingOptions): Standing | undefined {
  const consent = ask();
  const { grant, stored } = consent;
  if (grant === undefined) return undefined;
  const decision = decisionOf(consent);
  let lastFile: string | undefined;
  // While the machine slept its day may have ended, and somebody compressed it.
  const isKept = (path: string) => isThere(fs, path) || isThere(fs, packedName(path));
  return {
    grant,
    agreed: stored.kind === "decided" ? stored.record.agreed : undefined,
    wroteTo(file) {
      lastFile = file;
    },
    holds() {
      const now = ask();
      if (now.stored.kind === "unreadable") throw new Error(now.stored.problem);
      return decisionOf(now) === decision && (lastFile === undefined || isKept(join(dir, lastFile)));
    },
  };
}

function decisionOf({ state, grant, stored }: DirectoryConsent): string {
  const record = stored.kind === "decided" ? [stored.record.choice, stored.record.decidedAtMs] : [];
  return JSON.stringify([state, grant, stored.kind, ...record]);
}

/** A look that fails for another reason is no proof that the file is gone. */
function isThere(fs: Pick<JournalFs, "statSync">, path: string): boolean {
  try {
    fs.statSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}
