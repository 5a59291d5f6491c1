import type { FastifyInstance, FastifyRequest } from "fastify";
import { actorOf } from "../auth/caller.ts";
import { ProblemError } from "./problem.ts";
import { createTokenBuckets, type TokenBuckets } from "./token-buckets.ts";

/** Requests a minute. */
export interface RateLimits {
  /** Of one platform's or registrar's token. Default 12,000. */
  readonly platform: number;
  /** Of one instance from one address. Default 30. */
  readonly instance: number;
  /** Of one join token. Default 30. */
  readonly join: number;
  /** Of one reader's token. Default 1,200. */
  readonly reader: number;
}

export const DEFAULT_RATE_LIMITS: RateLimits = { platform: 12_000, instance: 30, join: 30, reader: 1_200 };

/** A limit for each route that names one; a caller over it gets 429, and no lease ends for that. */
export function registerRateLimits(
  app: FastifyInstance,
  limits: RateLimits,
  elapsed: () => number = () => performance.now(),
): void {
  const buckets = new Map<string, TokenBuckets>();
  app.addHook("onRoute", (route) => {
    const kind = route.config?.perMinute;
    if (kind === undefined) return;
    const bucket = buckets.get(kind) ?? createTokenBuckets();
    buckets.set(kind, bucket);
    const limit = (request: FastifyRequest, _: unknown, done: (error?: Error) => void): void => {
      const max = limits[request.caller?.role === "instance" ? "instance" : kind];
      const waitMs = bucket.take(keyOf(request), max, elapsed());
      const over = { retryAfter: Math.ceil(waitMs / 1_000) };
      if (waitMs === 0) done();
      else done(new ProblemError("rate_limited", `more than ${max} requests a minute`, over));
    };
    route.preHandler = [limit, ...[route.preHandler ?? []].flat()];
  });
}

/** Instances behind one address don't share a limit, and guessing keys from one address does not use up another's. */
function keyOf(request: FastifyRequest): string {
  const { caller, ip } = request;
  if (caller === undefined) {
    const { token = "" } = (request.body ?? {}) as { token?: string };
    return `join ${ip} ${token.slice(0, 23)}`;
  }
  if (caller.role !== "instance") return actorOf(caller);
  return `instance ${ip} ${(request.params as { id?: string }).id}`;
}
