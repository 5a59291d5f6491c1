import { grantOf, validateInstanceDocument, validateSpec } from "@promferry/target-registry";
import type { Applied } from "@promferry/target-registry/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { actorOf, checkProject } from "../auth/caller.ts";
import { answers } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { refusal } from "../http/refusal.ts";
import { revisionTag, wantedRevision } from "../http/revision.ts";
import { closed, endpoints, id, idParams, instanceSchema, labels } from "../http/schemas.ts";
import { addressesOf, type Service } from "../service.ts";
import { instanceView } from "./instance-view.ts";
import { comesFrom, refuseIfNew } from "./join.ts";

type PutRequest = FastifyRequest<{ Params: { id: string }; Body: Readonly<Record<string, unknown>> }>;

export function putInstanceRoute(app: FastifyInstance, service: Service): void {
  const { policy } = service;
  app.put<{ Params: { id: string }; Body: Readonly<Record<string, unknown>> }>(
    "/v1/instances/:id",
    {
      config: {
        access: ["platform", "registrar", "instance"],
        audit: "instance.put",
        perMinute: "platform",
      },
      schema: {
        summary:
          "States an instance: all of it by the platform, boot_id and endpoints by the instance itself",
        params: idParams,
        body: closed(
          {
            ...{ id, project: id, service: id, scope: id, labels, boot_id: id },
            liveness: { type: "string", enum: ["heartbeat", "platform"] },
            endpoints: endpoints(policy),
          },
          ["endpoints"],
        ),
        response: answers({ 200: instanceSchema, 201: instanceSchema }, [
          "invalid_request",
          "invalid_content",
          "unknown_instance",
          "address_taken",
          "instance_removed",
          "revision_mismatch",
          "quota_exceeded",
        ]),
      },
    },
    async (request, reply) => {
      const applied =
        request.caller?.role === "instance"
          ? await putByInstance(service, request)
          : await putByPlatform(service, request);
      if (!applied.ok) {
        if (applied.code === "unknown") await refuseIfNew(service);
        throw refusal(applied);
      }
      const instance = applied.instance!;
      request.subject = { change: applied.change, superseded: applied.superseded };
      reply.code(applied.change === "created" ? 201 : 200).header("etag", revisionTag(instance.rev));
      return instanceView(instance);
    },
  );
}

async function putByPlatform(service: Service, request: PutRequest): Promise<Applied> {
  const { policy, store } = service;
  const { params, body, caller } = request;
  if (body["id"] !== undefined && body["id"] !== params.id) {
    throw new ProblemError("invalid_request", "id: expected that of the path, or none");
  }
  const checked = validateSpec({ ...body, id: params.id }, policy, addressesOf(service, caller!));
  if (!checked.ok) {
    throw new ProblemError("invalid_content", "this can't be registered", { problems: checked.problems });
  }
  const spec = checked.value;
  checkProject(caller!, spec.project);
  const ifRev = wantedRevision(request.headers);
  return store.apply(
    spec.id,
    {
      ...{ type: "platform-put", spec, grant: grantOf(spec.endpoints) },
      ownProjectOnly: caller?.role === "registrar",
    },
    { actor: actorOf(caller!), request: request.id },
    ifRev === undefined ? {} : { ifRev },
  );
}

async function putByInstance(service: Service, request: PutRequest): Promise<Applied> {
  const { policy, addresses, store } = service;
  const { params, body, caller } = request;
  if (caller?.role !== "instance") throw new Error("expected an instance");
  const checked = validateInstanceDocument(body, policy, addresses);
  if (!checked.ok) {
    throw new ProblemError("invalid_content", "this can't be registered", { problems: checked.problems });
  }
  const ifRev = wantedRevision(request.headers);
  const verified = comesFrom(request, checked.value.endpoints);
  return store.apply(
    params.id,
    { type: "instance-put", ...checked.value, keyHash: caller.keyHash, verified },
    { actor: actorOf(caller, params.id), request: request.id },
    ifRev === undefined ? {} : { ifRev },
  );
}
