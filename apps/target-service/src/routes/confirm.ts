import { targetOf } from "@promferry/target-registry";
import type { InstanceFilter, TargetStore } from "@promferry/target-registry/store";
import type { FastifyInstance } from "fastify";
import { actorOf } from "../auth/caller.ts";
import { answers } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { closed } from "../http/schemas.ts";
import type { Service } from "../service.ts";

export function confirmRoute(app: FastifyInstance, { store, prometheus }: Service): void {
  app.post<{ Body: { force?: boolean } }>(
    "/v1/sd/confirm",
    {
      config: { access: ["platform"], audit: "store.confirm", perMinute: "platform" },
      schema: {
        summary: "Says that this is the right store: lists made from it are served from now on",
        body: closed({ force: { type: "boolean", description: "also when Prometheus knows more" } }, []),
        response: answers(
          {
            200: closed({
              compared: { type: "boolean", description: "whether Prometheus could be asked" },
              missing: { type: "integer", description: "targets of Prometheus that the store lacks" },
            }),
          },
          ["invalid_request", "targets_missing", "store_frozen"],
        ),
      },
    },
    async (request) => {
      const scraped = await prometheus?.activeTargets().catch(() => undefined);
      const missing = scraped === undefined ? [] : await notServed(store, scraped);
      if (missing.length > 0 && request.body.force !== true) {
        const some = missing.slice(0, 5).map(({ target, instance }) => `${instance} at ${target}`);
        throw new ProblemError("targets_missing", `${missing.length} targets, such as ${some.join(", ")}`);
      }
      await store.setAuthoritative({ actor: actorOf(request.caller!), request: request.id });
      return { compared: scraped !== undefined, missing: missing.length };
    },
  );
}

/** Those of `scraped` that the store does not have as served. */
async function notServed<T extends { readonly target: string }>(
  store: TargetStore,
  scraped: readonly T[],
): Promise<readonly T[]> {
  const known = new Set<string>();
  let after: string | undefined;
  do {
    const page = await store.list(SERVED, { limit: 500, ...(after !== undefined && { after }) });
    for (const { endpoints } of page.items) for (const endpoint of endpoints) known.add(targetOf(endpoint));
    after = page.next;
  } while (after !== undefined);
  return scraped.filter(({ target }) => !known.has(target));
}

const SERVED: InstanceFilter = { states: ["active", "lost", "draining"] };
