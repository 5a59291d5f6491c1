import { type Endpoint, hashSecret, validateJoin } from "@promferry/target-registry";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { answers } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { refusal } from "../http/refusal.ts";
import { closed, endpoints, id } from "../http/schemas.ts";
import type { Service } from "../service.ts";
import { heartbeatAfter } from "./heartbeat.ts";

export function joinRoute(app: FastifyInstance, service: Service): void {
  const { store, policy, addresses, timings, counters } = service;
  const joined = closed({
    instance_id: id,
    rev: { type: "integer" },
    lease: { type: "integer", description: "seconds" },
    heartbeat_after: { type: "integer", description: "seconds; also the header Heartbeat-After" },
  });

  app.post<{ Body: { readonly instance_id: string } }>(
    "/v1/join",
    {
      config: { access: "anyone", audit: "instance.join", perMinute: "join" },
      schema: {
        summary: "Lets an instance in by its join token; the same token with the same key is the same join",
        body: closed({
          token: { type: "string", maxLength: 200 },
          instance_id: id,
          boot_id: id,
          key: {
            type: "string",
            pattern: "^[0-9a-f]{64}$",
            description: "SHA-256 of a key that the instance made",
          },
          endpoints: endpoints(policy),
        }),
        response: answers({ 200: joined, 201: joined }, [
          "invalid_request",
          "invalid_content",
          "token_unknown",
          "token_bound",
          "outside_grant",
          "token_used",
          "token_expired",
          "quota_exceeded",
          "store_new",
        ]),
      },
    },
    async (request, reply) => {
      const checked = validateJoin(request.body, policy, addresses);
      if (!checked.ok) {
        throw new ProblemError("invalid_content", "this join can't be taken", { problems: checked.problems });
      }
      const { token, ...instance } = checked.value;
      request.subject = { join_token: token.id, instance: instance.instanceId };
      const cause = { actor: `instance:${instance.instanceId}`, request: request.id };
      const verified = comesFrom(request, instance.endpoints);
      const result = await store.join(
        { ...instance, tokenId: token.id, secretHash: hashSecret(token.secret), verified },
        cause,
      );
      if (!result.ok) {
        if (result.code === "token-used") counters.tokenMisuse();
        // A store that was put in the place of another one does not know what that one let in.
        if (result.code === "token-unknown") await refuseIfNew(service);
        if (result.code === "wrong-key")
          throw new ProblemError("other_key", "joined before with another key");
        throw refusal(result);
      }
      const pace = heartbeatAfter(service);
      reply.code(result.change === "replayed" ? 200 : 201).header("heartbeat-after", pace);
      return {
        instance_id: result.instance.id,
        rev: result.instance.rev,
        lease: Math.floor(timings.leaseMs / 1_000),
        heartbeat_after: pace,
      };
    },
  );
}

/** Whether the connection came from each of the claimed addresses. */
export function comesFrom(request: FastifyRequest, endpoints: readonly Endpoint[]): boolean {
  return endpoints.every(({ address }) => address === request.ip);
}

/**
 * Agents throw their key away when the service does not know them: "unknown" may only be said by a store that is known
 * to be the right one.
 *
 * @throws {ProblemError} `store_new`.
 */
export async function refuseIfNew({ store }: Service): Promise<void> {
  if ((await store.info()).authoritative) return;
  throw new ProblemError("store_new", "this store does not know it, and may be the wrong one", {
    retryAfter: 60,
  });
}
