import {
  caHashOf,
  type InstanceSpec,
  LIMITS,
  type MintedToken,
  mintJoinToken,
  type TokenBinding,
  type TokenRequest,
  validateTokenRequest,
} from "@promferry/target-registry";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { actorOf, type Caller, checkProject } from "../auth/caller.ts";
import { answers, EMPTY } from "../http/answers.ts";
import { idempotencyHeader, mintIdempotently } from "../http/idempotent.ts";
import { ProblemError } from "../http/problem.ts";
import { refusal } from "../http/refusal.ts";
import { closed, endpointNames, id, labels, port, ranges, time } from "../http/schemas.ts";
import { addressesOf, type Service } from "../service.ts";
import { timeOf } from "./instance-view.ts";

export const tokenFields = {
  project: id,
  service: id,
  scope: id,
  instance_id: { ...id, description: "the only instance that may use it; announced at once" },
  ranges,
  labels,
  ttl: { type: "integer", minimum: 1, maximum: 1_800, description: "seconds; default 1,800" },
} as const;

const tokenId = { type: "string", pattern: "^jt-[a-z2-7]{20}$" } as const;

export function joinTokenRoutes(app: FastifyInstance, service: Service): void {
  const { store, policy } = service;
  const grants = {
    type: "array",
    minItems: 1,
    maxItems: LIMITS.endpoints,
    items: {
      anyOf: [
        endpointNames(policy),
        closed(
          {
            name: endpointNames(policy),
            ports: { type: "array", minItems: 1, maxItems: LIMITS.grantedPorts, items: port },
          },
          ["name"],
        ),
      ],
    },
  };
  const made = closed({ id: tokenId, token: { type: "string" }, expires_at: time });

  app.post(
    "/v1/join-tokens",
    {
      config: { access: ["platform", "registrar"], audit: "join-token.create", perMinute: "platform" },
      schema: {
        summary: "Makes a token that lets one instance in, once",
        body: closed({ ...tokenFields, endpoints: grants }, ["project", "service", "ranges", "endpoints"]),
        headers: idempotencyHeader,
        response: answers({ 200: made, 201: made }, [
          "invalid_request",
          "invalid_content",
          "instance_removed",
          "other_owner",
          "idempotency_running",
          "idempotency_mismatch",
          "quota_exceeded",
        ]),
      },
    },
    async (request, reply) => {
      const checked = validateTokenRequest(request.body, policy, addressesOf(service, request.caller!));
      if (!checked.ok) {
        throw new ProblemError("invalid_content", "this token can't be made", { problems: checked.problems });
      }
      const { value, replayed } = await issueToken(service, request, checked.value, async (token) => token);
      reply.code(replayed ? 200 : 201);
      return { id: value.token.id, token: value.text, expires_at: timeOf(value.token.expiresAt) };
    },
  );

  app.delete<{ Params: { id: string } }>(
    "/v1/join-tokens/:id",
    {
      config: { access: ["platform", "registrar"], audit: "join-token.revoke", perMinute: "platform" },
      schema: {
        summary: "Revokes a token; nothing happens when it is used, revoked or gone",
        params: closed({ id: tokenId }),
        response: answers({ 204: EMPTY }, ["invalid_request", "store_frozen"]),
      },
    },
    async (request, reply) => {
      const token = await store.token(request.params.id);
      if (token !== undefined) {
        checkProject(request.caller!, token.project);
        await store.revokeToken(token.id, { actor: actorOf(request.caller!), request: request.id });
      }
      return reply.code(204).send();
    },
  );
}

/**
 * Mints a token, lets `make` do with it whatever may still fail, and only then stores it.
 *
 * @throws {ProblemError}
 */
export async function issueToken<T>(
  { store, agentCa }: Service,
  request: FastifyRequest,
  { binding, ttlMs }: TokenRequest,
  make: (minted: MintedToken) => Promise<T>,
): Promise<{ readonly value: T; readonly replayed: boolean }> {
  const caller: Caller = request.caller!;
  checkProject(caller, binding.project);
  const cause = { actor: actorOf(caller), request: request.id };
  return mintIdempotently(store, {
    actor: cause.actor,
    key: request.headers["idempotency-key"] as string | undefined,
    request: [request.routeOptions.url, request.body],
    async mint() {
      const minted = mintJoinToken(binding, {
        now: await store.now(),
        ttlMs,
        ...(agentCa === undefined ? {} : { caHash: caHashOf(Buffer.from(agentCa)) }),
      });
      const value = await make(minted);
      const applied = await store.addToken(minted.token, cause, announcement(binding));
      if (!applied.ok) throw refusal(applied);
      request.subject = {
        join_token: minted.token.id,
        project: binding.project,
        instance: binding.instanceId,
      };
      return { tokenId: minted.token.id, value };
    },
    revoke: (tokenId) => store.revokeToken(tokenId, cause),
  });
}

/** The instance that a token is bound to, before anything is known of its addresses. */
function announcement({
  project,
  service,
  scope,
  instanceId,
  labels,
}: TokenBinding): InstanceSpec | undefined {
  if (instanceId === null) return undefined;
  return { id: instanceId, project, service, scope, liveness: "heartbeat", endpoints: [], labels };
}
