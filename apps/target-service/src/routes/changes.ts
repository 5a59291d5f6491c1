import { type Instance, isServed } from "@promferry/target-registry";
import type { FastifyInstance } from "fastify";
import { type Caller, projectOf } from "../auth/caller.ts";
import { authoritativeView } from "../discovery/instance-mirror.ts";
import { answers, EMPTY } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { closed, digits } from "../http/schemas.ts";
import type { Service } from "../service.ts";
import { type ChangePage, createChangeStreams, sinceOf, wantsEvents } from "./change-stream.ts";

/** Below the minute after which proxies cut a silent connection. */
const LONGEST_WAIT = 55;
const LIMIT = 1_000;

const PAGE = closed({
  rev: { type: "integer", description: "the next `since`" },
  more: { type: "boolean", description: "there is more at once" },
  items: {
    type: "array",
    items: closed({ id: { type: "string" }, served: { type: "boolean" }, rev: { type: "integer" } }),
  },
});

export function changesRoute(app: FastifyInstance, service: Service): void {
  const { store, mirror, stopping } = service;
  const stream = createChangeStreams({
    ...{ stopping, wait: (since, signal) => store.wait(since, signal) },
    ...service.changeStreams,
  });

  /** @throws {ProblemError} `store_new`, `changes_reset`. */
  async function read(since: number, caller: Caller): Promise<ChangePage | undefined> {
    await authoritativeView(mirror);
    const { items, rev, more, reset } = await store.changes(since, LIMIT);
    if (reset) throw new ProblemError("changes_reset", "read the list again", { rev });
    if (rev <= since) return undefined;
    const own = items.filter((instance) => isVisible(instance, caller));
    const shown = own.map((instance) => ({ id: instance.id, served: isServed(instance), rev: instance.rev }));
    return { rev, more, items: shown };
  }

  app.get<{ Querystring: { since: string; wait?: string } }>(
    "/v1/sd/changes",
    {
      config: { access: ["platform", "reader"], perMinute: "reader" },
      schema: {
        summary:
          "Waits for a revision above `since`, and says which instances changed; a stream of events where Accept asks for it",
        querystring: closed(
          { since: digits, wait: { ...digits, description: "seconds, at most 55; default 0" } },
          ["since"],
        ),
        response: answers(
          {
            200: {
              description: "the changes; as events `changes`, or `problem` before an end",
              content: {
                "application/json": { schema: PAGE },
                "text/event-stream": { schema: { type: "string" } },
              },
            },
            204: EMPTY,
          },
          ["invalid_request", "changes_reset", "overloaded", "store_new"],
        ),
      },
    },
    async (request, reply) => {
      const caller = request.caller!;
      const since = Number(request.query.since);
      if (wantsEvents(request)) {
        return stream(reply, sinceOf(request, since), (rev) => read(rev, caller));
      }
      const wait = Number(request.query.wait ?? 0);
      if (wait > LONGEST_WAIT) throw new ProblemError("invalid_request", "wait: expected at most 55 seconds");
      const over = AbortSignal.timeout(wait * 1_000);
      const enough = AbortSignal.any([stopping, over]);
      for (;;) {
        const page = await read(since, caller);
        if (page !== undefined) return page;
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
