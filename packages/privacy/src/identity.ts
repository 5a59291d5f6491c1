import { createHash, createHmac } from "node:crypto";
import { hostname as machineHostname } from "node:os";
import type { EpochMs } from "@promferry/core/series";
import { type IdentityKeyOptions, readOrCreateKey } from "./identity-key.ts";

/**
 * - `none`: no `user` label. Two installations then write the same series, so it needs another label
 *   that tells them apart, or the user's word that there is only one.
 * - `rotating`: a keyed hash of the destination and the week, under that key.
 * - `installation`: a keyed hash of the destination under a random key of this installation.
 * - `hostname-sha256`: SHA-256 of the host name. Can be guessed; see {@link Identity.warning}.
 */
export type IdentityKind = "none" | "rotating" | "installation" | "hostname-sha256";

export interface Identity {
  readonly kind: IdentityKind;
  /** The value of the `user` label; absent for `none`. Of `rotating`, what names it over all weeks: never sent. */
  readonly user?: string;
  /** Of `rotating`: the value in the week that begins at an instant; see {@link weekOf}. */
  readonly userIn?: (weekMs: EpochMs) => string;
  /** Set where `user` only holds the place: the key isn't there yet, and wasn't to be made. */
  readonly provisional?: true;
  /** What the user should know about this kind. */
  readonly warning?: string;
}

export interface IdentityOptions extends IdentityKeyOptions {
  readonly kind: IdentityKind;
  /** `Destination.identity`: each destination sees another `user`, so that two can't join what they have. */
  readonly destination: string;
  /** Default the machine's. */
  readonly hostname?: string;
  /**
   * Whether a missing key is made. A dry run says `false` and gets 32 zeros, marked `provisional`, as
   * long as the real value. Default true.
   */
  readonly create?: boolean;
}

/** How long the weeks of {@link weekOf} are. */
export const WEEK_MS: number = 7 * 86_400_000;
/** 5 January 1970, a Monday. */
const FIRST_MONDAY_MS = 4 * 86_400_000;
const PROVISIONAL = "0".repeat(32);

const HOSTNAME_WARNING =
  "hostname-sha256 can be guessed: a list of host names is hashed in moments, every default Windows name in hours, " +
  'and all destinations see the same value. "installation" has neither fault.';

/**
 * Who a destination takes this installation for.
 *
 * `installation` keeps 32 random bytes in `<dir>/identity.json`, readable by its owner alone, made when
 * first needed; processes that start at once agree on one. The key is never sent. `user` is the first
 * half of HMAC-SHA-256 over the destination, 32 hexadecimal digits.
 *
 * `rotating` hashes the week as well: whoever gets the data can't tell that two weeks are of one installation by
 * this label. All weeks begin on Monday, 00:00 UTC, whatever the time zone.
 *
 * @throws {IdentityError} The key can't be read, made or understood.
 */
export async function resolveIdentity(options: IdentityOptions): Promise<Identity> {
  const { kind, destination, create = true } = options;
  switch (kind) {
    case "none":
      return { kind };
    case "hostname-sha256": {
      const { hostname = machineHostname() } = options;
      return { kind, user: createHash("sha256").update(hostname).digest("hex"), warning: HOSTNAME_WARNING };
    }
    case "installation": {
      const key = await readOrCreateKey(options, create);
      if (!key) return { kind, user: PROVISIONAL, provisional: true };
      return { kind, user: keyedHash(key, `promferry user v1\n${destination}`) };
    }
    case "rotating": {
      const key = await readOrCreateKey(options, create);
      if (!key) return { kind, user: PROVISIONAL, userIn: () => PROVISIONAL, provisional: true };
      return {
        kind,
        user: keyedHash(key, `promferry rotating v1\n${destination}`),
        userIn: (weekMs) => keyedHash(key, `promferry rotating user v1\n${destination}\n${weekMs}`),
      };
    }
  }
}

/** When the week began that an instant lies in: Monday, 00:00 UTC. */
export function weekOf(atMs: EpochMs): EpochMs {
  return Math.floor((atMs - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS + FIRST_MONDAY_MS;
}

function keyedHash(key: Uint8Array, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex").slice(0, 32);
}
