import type { FastifyInstance } from "fastify";
import { answers, EMPTY } from "../http/answers.ts";
import { refusal } from "../http/refusal.ts";
import { closed, id, idParams } from "../http/schemas.ts";
import type { Service } from "../service.ts";
import { refuseIfNew } from "./join.ts";

/** Heartbeats a second that one service takes without effort; above it instances are asked to wait longer. */
const EASE = 2_000;

export function heartbeatRoute(app: FastifyInstance, service: Service): void {
  app.post<{ Params: { id: string }; Body: { readonly boot_id: string } }>(
    "/v1/instances/:id/heartbeat",
    {
      config: { access: ["instance"], perMinute: "instance" },
      schema: {
        summary:
          "The instance lives; answered once that is stored. Header Heartbeat-After: seconds until the next",
        params: idParams,
        body: closed({ boot_id: id }),
        response: answers({ 204: EMPTY }, [
          "invalid_request",
          "wrong_key",
          "outside_grant",
          "unknown_instance",
          "address_taken",
          "instance_removed",
          "quota_exceeded",
          "overloaded",
        ]),
      },
    },
    async (request, reply) => {
      const { params, body, caller } = request;
      if (caller?.role !== "instance") throw new Error("expected an instance");
      const heartbeat = { id: params.id, bootId: body.boot_id, keyHash: caller.keyHash };
      const outcome = await service.heartbeats.beat(heartbeat);
      if (outcome !== "renewed" && outcome !== "returned") {
        if (outcome === "unknown") await refuseIfNew(service);
        if (outcome === "quota") throw refusal({ code: outcome, limit: service.policy.instancesPerProject });
        if (outcome === "address-taken") throw refusal({ code: outcome, target: "", owner: "" });
        throw refusal({ code: outcome });
      }
      return reply.code(204).header("heartbeat-after", heartbeatAfter(service)).send();
    },
  );
}

/** Seconds until the next heartbeat: longer for a large fleet, never more than a third of the lease. */
export function heartbeatAfter({ mirror, timings }: Service): number {
  const { active = 0, lost = 0, draining = 0 } = mirror.latest()?.states ?? {};
  const seconds = Math.max(timings.heartbeatMs / 1_000, (active + lost + draining) / EASE);
  return Math.max(1, Math.floor(Math.min(seconds, timings.leaseMs / 3_000)));
}
