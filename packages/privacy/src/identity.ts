import { createHash, createHmac } from "node:crypto";
import { hostname as machineHostname } from "node:os";
import { IdentityError } from "./identity-error.ts";
import { type IdentityKeyOptions, readOrCreateKey } from "./identity-key.ts";

/**
 * - `none`: no `user` label. Two installations then write the same series, so it needs another label
 *   that tells them apart, or the user's word that there is only one.
 * - `installation`: a keyed hash of the destination under a random key of this installation.
 * - `hostname-sha256`: SHA-256 of the host name. Can be guessed; see {@link Identity.warning}.
 */
export type IdentityKind = "none" | "installation" | "hostname-sha256";

export interface Identity {
  readonly kind: IdentityKind;
  /** The value of the `user` label; absent for `none`. */
  readonly user?: string;
  /** Set where `user` only holds the place: the key isn't there yet, and wasn't to be made. */
  readonly provisional?: true;
  /** What the user should know about this kind. */
  readonly warning?: string;
}

export interface IdentityOptions extends IdentityKeyOptions {
  /** As configured; `rotating` is refused as not there yet. */
  readonly kind: IdentityKind | "rotating";
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
 * @throws {IdentityError} The key can't be read, made or understood, or the kind is not there yet.
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
      if (!key) return { kind, user: "0".repeat(32), provisional: true };
      const hash = createHmac("sha256", key).update(`promferry user v1\n${destination}`).digest("hex");
      return { kind, user: hash.slice(0, 32) };
    }
    case "rotating":
      throw new IdentityError(
        "ERR_IDENTITY_UNSUPPORTED",
        "identity rotating is not there yet; use installation, hostname-sha256 or none",
      );
  }
}
