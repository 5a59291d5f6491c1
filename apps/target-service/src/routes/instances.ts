import type { InstanceState } from "@promferry/target-registry";
import { sameHash } from "@promferry/target-registry";
import type { InstanceFilter } from "@promferry/target-registry/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { checkProject, projectOf } from "../auth/caller.ts";
import { answers, EMPTY } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { isCurrent, revisionTag } from "../http/revision.ts";
import { closed, digits, endpointNames, id, idParams, instanceSchema, time } from "../http/schemas.ts";
import type { Service } from "../service.ts";
import { instanceView, timeOf } from "./instance-view.ts";

const limit = { ...digits, description: "1 to 1,000; default 100" } as const;

interface ListQuery {
  readonly project?: string;
  readonly service?: string;
  readonly scope?: string;
  readonly endpoint?: string;
  readonly state?: InstanceState;
  readonly after?: string;
  readonly limit?: string;
}

export function instanceRoutes(app: FastifyInstance, { store, policy }: Service): void {
  app.get<{ Querystring: ListQuery }>(
    "/v1/instances",
    {
      config: { access: ["platform", "registrar"], perMinute: "platform" },
      schema: {
        summary: "Instances by id; the weak ETag is the store's revision",
        querystring: closed(
          {
            ...{ project: id, service: id, scope: id, endpoint: endpointNames(policy), after: id, limit },
            state: { type: "string", enum: ["expected", "active", "lost", "draining", "removed"] },
          },
          [],
        ),
        response: answers(
          {
            200: closed({ items: { type: "array", items: instanceSchema }, next: { type: "string" } }, [
              "items",
            ]),
            304: EMPTY,
          },
          ["invalid_request"],
        ),
      },
    },
    async (request, reply) => {
      const { service, scope, endpoint, state, after } = request.query;
      const project = request.query.project ?? projectOf(request.caller!);
      if (project !== undefined) checkProject(request.caller!, project);
      const tag = revisionTag((await store.info()).rev);
      reply.header("etag", tag);
      if (isCurrent(request.headers["if-none-match"], tag)) return reply.code(304).send();
      const filter: InstanceFilter = {
        ...(project !== undefined && { project }),
        ...(service !== undefined && { service }),
        ...(scope !== undefined && { scope }),
        ...(endpoint !== undefined && { endpoint }),
        ...(state !== undefined && { states: [state] }),
      };
      const page = await store.list(filter, pageOf(after, request.query.limit));
      return { items: page.items.map(instanceView), ...(page.next !== undefined && { next: page.next }) };
    },
  );

  app.get<{ Params: { id: string } }>(
    "/v1/instances/:id",
    {
      config: { access: ["platform", "registrar", "instance"], perMinute: "platform" },
      schema: {
        summary: "One instance; the weak ETag is its revision",
        params: idParams,
        response: answers({ 200: instanceSchema, 304: EMPTY }, ["invalid_request", "unknown_instance"]),
      },
    },
    async (request, reply) => {
      const instance = await seen(request);
      const tag = revisionTag(instance.rev);
      reply.header("etag", tag);
      if (isCurrent(request.headers["if-none-match"], tag)) return reply.code(304).send();
      return instanceView(instance);
    },
  );

  app.get<{ Params: { id: string }; Querystring: { after?: string; limit?: string } }>(
    "/v1/instances/:id/events",
    {
      config: { access: ["platform", "registrar"], perMinute: "platform" },
      schema: {
        summary: "What happened to an instance, the newest first",
        params: idParams,
        querystring: closed({ after: { type: "string", pattern: "^[0-9]{1,15}$" }, limit }, []),
        response: answers(
          {
            200: closed(
              {
                items: {
                  type: "array",
                  items: closed({
                    seq: { type: "integer" },
                    at: time,
                    what: { type: "string" },
                    actor: { type: "string" },
                    request: { type: ["string", "null"] },
                    rev: { type: "integer" },
                  }),
                },
                next: { type: "string" },
              },
              ["items"],
            ),
          },
          ["invalid_request", "unknown_instance"],
        ),
      },
    },
    async (request) => {
      const { id } = await seen(request);
      const page = await store.history(id, pageOf(request.query.after, request.query.limit));
      return {
        items: page.items.map(({ seq, at, what, actor, request, rev }) => ({
          ...{ seq, at: timeOf(at), what, actor, request, rev },
        })),
        ...(page.next !== undefined && { next: page.next }),
      };
    },
  );

  async function seen({ caller, params }: FastifyRequest<{ Params: { id: string } }>) {
    const instance = await store.get(params.id);
    if (caller?.role === "instance") {
      // Whoever has no key of it does not learn whether it exists.
      if (instance?.keyHash == null || !sameHash(instance.keyHash, caller.keyHash)) {
        throw new ProblemError("wrong_key", "expected the key of this instance");
      }
      return instance;
    }
    if (instance === undefined) throw new ProblemError("unknown_instance", "no instance of this id");
    checkProject(caller!, instance.project);
    return instance;
  }
}

function pageOf(after: string | undefined, limit = "100"): { after?: string; limit: number } {
  const count = Number(limit);
  if (count < 1 || count > 1_000) throw new ProblemError("invalid_request", "limit: expected 1 to 1,000");
  return { limit: count, ...(after !== undefined && { after }) };
}
