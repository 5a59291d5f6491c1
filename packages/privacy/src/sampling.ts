import { createHmac } from "node:crypto";
import type { EpochMs } from "@promferry/core/series";
import { WEEK_MS, weekOf } from "./identity.ts";
import { type IdentityKeyOptions, readOrCreateKey } from "./identity-key.ts";

export interface SamplingOptions extends IdentityKeyOptions {
  /** How many of all weeks are drawn, above 0 and at most 1. */
  readonly rate: number;
  /** Whether a missing key is made. Default true. */
  readonly create?: boolean;
}

/** Which weeks of a program's telemetry are sent, and which stay whole. */
export interface Sampling {
  readonly rate: number;
  /** Whether the week that an instant lies in was drawn; see `weekOf`. */
  isDrawn(atMs: EpochMs): boolean;
  /** Whether a whole week between the weeks of two instants was not drawn: `isCutBetween` of a projection. */
  isCutBetween(fromMs: EpochMs, toMs: EpochMs): boolean;
  /** Set where nothing is decided: the key isn't there yet, and wasn't to be made. All weeks pass for drawn. */
  readonly provisional?: true;
}

/**
 * One draw for each week: a keyed hash of the week under the installation's key, compared with the rate. So it is the
 * same for all destinations and however often it is asked for, and a higher rate only adds weeks. The key is that of
 * the identities, and is made whatever the identity is; with a rate of 1 it isn't needed.
 *
 * @throws {RangeError} `rate` is none.
 * @throws {IdentityError} The key can't be read, made or understood.
 */
export async function resolveSampling(options: SamplingOptions): Promise<Sampling> {
  const { rate, create = true } = options;
  if (!(rate > 0 && rate <= 1)) {
    throw new RangeError(`sampling: expected a rate above 0 and of at most 1, got ${rate}`);
  }
  const key = rate < 1 ? await readOrCreateKey(options, create) : undefined;
  /** Every frame of a journal is asked for, some more than once. */
  const drawn = new Map<EpochMs, boolean>();
  const isDrawn = (atMs: EpochMs): boolean => {
    if (key === undefined) return true;
    const week = weekOf(atMs);
    const known = drawn.get(week) ?? drawOf(key, week) < rate;
    drawn.set(week, known);
    return known;
  };
  return {
    rate,
    isDrawn,
    isCutBetween(fromMs, toMs) {
      const last = weekOf(toMs);
      for (let week = weekOf(fromMs) + WEEK_MS; week < last; week += WEEK_MS) {
        if (!isDrawn(week)) return true;
      }
      return false;
    },
    ...(rate < 1 && key === undefined && { provisional: true }),
  };
}

/** In [0, 1), evenly spread over keys and weeks: the first 48 bits of HMAC-SHA-256. */
function drawOf(key: Uint8Array, weekMs: EpochMs): number {
  const hash = createHmac("sha256", key).update(`promferry sample v1\n${weekMs}`).digest();
  return hash.readUIntBE(0, 6) / 2 ** 48;
}
