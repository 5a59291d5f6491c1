import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { actorOf } from "../auth/caller.ts";
import { ProblemError } from "./problem.ts";

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

/** Keys that are remembered; the one seen longest ago is forgotten, in its favour. */
const KEYS = 50_000;

/** A limit for each route that names one; a caller over it gets 429, and no lease ends for that. */
export async function registerRateLimits(app: FastifyInstance, limits: RateLimits): Promise<void> {
  const silent = { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false };
  await app.register(rateLimit, {
    global: false,
    addHeaders: { ...silent, "retry-after": false },
    addHeadersOnExceeding: silent,
  });
  app.addHook("onRoute", (route) => {
    const bucket = route.config?.perMinute;
    if (bucket === undefined) return;
    const limit = app.rateLimit({
      max: (request) => limits[request.caller?.role === "instance" ? "instance" : bucket],
      timeWindow: 60_000,
      cache: KEYS,
      groupId: bucket,
      keyGenerator,
      errorResponseBuilder: (_, { ttl, max }) =>
        new ProblemError("rate_limited", `more than ${max} requests a minute`, {
          retryAfter: Math.max(1, Math.ceil(ttl / 1_000)),
        }),
    });
    route.preHandler = [limit, ...[route.preHandler ?? []].flat()];
  });
}

/** Instances behind one address don't share a limit, and guessing keys from one address does not use up another's. */
function keyGenerator(request: FastifyRequest): string {
  const { caller, ip } = request;
  if (caller === undefined) {
    const { token = "" } = (request.body ?? {}) as { token?: string };
    return `join ${ip} ${token.slice(0, 23)}`;
  }
  if (caller.role !== "instance") return actorOf(caller);
  return `instance ${ip} ${(request.params as { id?: string }).id}`;
}
