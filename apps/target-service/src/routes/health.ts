import type { FastifyInstance } from "fastify";
import { answers, raw } from "../http/answers.ts";
import { closed } from "../http/schemas.ts";
import type { ServiceMetrics } from "../observe/metrics.ts";
import type { Service } from "../service.ts";

export function healthRoutes(app: FastifyInstance, service: Service, metrics: ServiceMetrics): void {
  const { store, stopping } = service;
  const config = { access: "anyone" } as const;
  app.get(
    "/healthz",
    {
      config,
      exposeHeadRoute: true,
      schema: {
        summary: "The process lives",
        response: answers({ 200: closed({ status: { const: "ok" } }) }),
      },
    },
    async () => ({ status: "ok" }),
  );

  const readiness = closed(
    {
      status: { type: "string", enum: ["ready", "stopping", "store_unavailable"] },
      authoritative: { type: "boolean" },
      frozen: { type: "boolean" },
    },
    ["status"],
  );
  app.get(
    "/readyz",
    {
      config,
      exposeHeadRoute: true,
      schema: {
        summary: "Requests may be sent here. A new store is ready: somebody has to confirm it",
        response: answers({ 200: readiness, 503: readiness }),
      },
    },
    async (_, reply) => {
      if (stopping.aborted) return reply.code(503).send({ status: "stopping" });
      try {
        const { authoritative, frozen } = await store.info();
        return { status: "ready", authoritative, frozen };
      } catch {
        return reply.code(503).send({ status: "store_unavailable" });
      }
    },
  );

  app.get(
    "/metrics",
    {
      config,
      schema: {
        summary: "What the service says of itself; no project is named",
        response: answers({ 200: raw("text/plain", "Prometheus text format 0.0.4") }),
      },
    },
    async (_, reply) => reply.header("content-type", metrics.contentType).send(await metrics.page()),
  );

  app.get(
    "/openapi.json",
    {
      config,
      schema: {
        summary: "This API, generated from the schemas that it checks by",
        response: answers({ 200: { type: "object", additionalProperties: true } }),
      },
    },
    async () => app.swagger(),
  );
}
