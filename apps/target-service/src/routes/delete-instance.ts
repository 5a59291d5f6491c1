import type { FastifyInstance } from "fastify";
import { actorOf, checkProject } from "../auth/caller.ts";
import { answers, EMPTY } from "../http/answers.ts";
import { refusal } from "../http/refusal.ts";
import { closed, idParams } from "../http/schemas.ts";
import type { Service } from "../service.ts";
import { refuseIfNew } from "./join.ts";

export function deleteInstanceRoute(app: FastifyInstance, service: Service): void {
  const { store } = service;
  app.delete<{ Params: { id: string }; Querystring: { reason?: string } }>(
    "/v1/instances/:id",
    {
      config: {
        access: ["platform", "registrar", "instance"],
        audit: "instance.delete",
        perMinute: "platform",
      },
      schema: {
        summary: "By the platform: removed for good. By the instance itself: goodbye, served a little longer",
        params: idParams,
        querystring: closed({ reason: { type: "string", pattern: "^[a-z][a-z-]{0,31}$" } }, []),
        response: answers({ 204: EMPTY }, ["invalid_request", "wrong_key", "unknown_instance", "store_new"]),
      },
    },
    async (request, reply) => {
      const caller = request.caller!;
      const { id } = request.params;
      request.subject = { reason: request.query.reason };
      const cause = { actor: actorOf(caller, id), request: request.id };
      if (caller.role === "registrar") {
        const known = await store.get(id);
        if (known !== undefined) checkProject(caller, known.project);
      }
      const applied = await store.apply(
        id,
        caller.role === "instance" ? { type: "drain", keyHash: caller.keyHash } : { type: "remove" },
        cause,
      );
      if (!applied.ok) {
        if (applied.code === "unknown") await refuseIfNew(service);
        throw refusal(applied);
      }
      return reply.code(204).send();
    },
  );
}
