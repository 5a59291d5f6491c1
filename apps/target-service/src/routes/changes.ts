import { type Instance, isServed } from "@promferry/target-registry";
import type { FastifyInstance } from "fastify";
import { type Caller, projectOf } from "../auth/caller.ts";
import { authoritativeView } from "../discovery/instance-mirror.ts";
import { answers, EMPTY } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { closed, digits } from "../http/schemas.ts";
import type { Service } from "../service.ts";

/** Below the minute after which proxies cut a silent connection. */
const LONGEST_WAIT = 55;
const LIMIT = 1_000;

export function changesRoute(app: FastifyInstance, { store, mirror, stopping }: Service): void {
  app.get<{ Querystring: { since: string; wait?: string } }>(
    "/v1/sd/changes",
    {
      config: { access: ["platform", "reader"], perMinute: "reader" },
      schema: {
        summary: "Waits for a revision above `since`, and says which instances changed",
        querystring: closed(
          { since: digits, wait: { ...digits, description: "seconds, at most 55; default 0" } },
          ["since"],
        ),
        response: answers(
          {
            200: closed({
              rev: { type: "integer", description: "the next `since`" },
              more: { type: "boolean", description: "there is more at once" },
              items: {
                type: "array",
                items: closed({
                  id: { type: "string" },
                  served: { type: "boolean" },
                  rev: { type: "integer" },
                }),
              },
            }),
            204: EMPTY,
          },
          ["invalid_request", "changes_reset", "store_new"],
        ),
      },
    },
    async (request, reply) => {
      const since = Number(request.query.since);
      const wait = Number(request.query.wait ?? 0);
      if (wait > LONGEST_WAIT) throw new ProblemError("invalid_request", "wait: expected at most 55 seconds");
      const over = AbortSignal.timeout(wait * 1_000);
      const enough = AbortSignal.any([stopping, over]);
      for (;;) {
        await authoritativeView(mirror);
        const { items, rev, more, reset } = await store.changes(since, LIMIT);
        if (reset) throw new ProblemError("changes_reset", "read the list again", { rev });
        if (rev > since) {
          const own = items.filter((instance) => isVisible(instance, request.caller!));
          return {
            rev,
            more,
            items: own.map((instance) => ({
              id: instance.id,
              served: isServed(instance),
              rev: instance.rev,
            })),
          };
        }
        // Named here, or it may be collected before anybody listens, and then never comes (Node 24).
        if (enough.aborted || over.aborted || request.raw.destroyed) return reply.code(204).send();
        await store.wait(since, enough);
      }
    },
  );
}

function isVisible({ project, endpoints }: Instance, caller: Caller): boolean {
  const own = projectOf(caller);
  if (own !== undefined && own !== project) return false;
  const lists = caller.role === "reader" ? caller.endpoints : undefined;
  return lists === undefined || endpoints.some(({ name }) => lists.includes(name));
}
