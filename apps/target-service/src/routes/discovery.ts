import { Readable } from "node:stream";
import { type ListSelection, parseShard } from "@promferry/target-registry/render";
import type { FastifyInstance } from "fastify";
import { type Caller, checkProject, projectOf } from "../auth/caller.ts";
import { answers, EMPTY, raw } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { isCurrent } from "../http/revision.ts";
import { closed, endpointNames, id } from "../http/schemas.ts";
import type { Service } from "../service.ts";

export interface ListQuery {
  readonly endpoint?: string;
  readonly project?: string;
  readonly scope?: string;
  readonly shard?: string;
}

export const shardSchema = {
  type: "string",
  pattern: "^[0-9]{1,3}/[0-9]{1,3}$",
  description: "index/count, 0/4 is the first of four",
} as const;

export function discoveryRoute(app: FastifyInstance, { lists, policy }: Service): void {
  app.get<{ Querystring: ListQuery }>(
    "/v1/sd/prometheus",
    {
      config: { access: ["platform", "reader"], perMinute: "reader" },
      schema: {
        summary: "Targets for http_sd_configs. Header Ferry-Revision: the store's revision that it shows",
        // Closed: a misspelt `shard` would hand out the whole list.
        querystring: closed(
          { endpoint: endpointNames(policy), project: id, scope: id, shard: shardSchema },
          [],
        ),
        response: answers({ 200: raw("application/json", "target groups"), 304: EMPTY }, [
          "invalid_request",
          "store_new",
        ]),
      },
    },
    async (request, reply) => {
      const list = await lists.get(selectionOf(request.query, request.caller!));
      const packed = acceptsGzip(request.headers["accept-encoding"]);
      // Another coding is another representation: a strong tag must tell them apart.
      const tag = packed ? list.etag.replace(/"$/, '-gzip"') : list.etag;
      reply.header("etag", tag).header("vary", "accept-encoding").header("ferry-revision", list.rev);
      if (isCurrent(request.headers["if-none-match"], tag)) return reply.code(304).send();
      reply.header("content-type", "application/json").header("ferry-targets", list.count);
      if (packed) return reply.header("content-encoding", "gzip").send(await list.gzipped());
      return reply.header("content-length", list.bytes).send(Readable.from(list.chunks));
    },
  );
}

/**
 * What a reader sees: what it asks for, inside what its token allows.
 *
 * @throws {ProblemError} `forbidden`, `invalid_request`.
 */
export function selectionOf(
  { endpoint = "node", scope, ...query }: ListQuery,
  caller: Caller,
): ListSelection {
  if (caller.role === "reader" && caller.endpoints?.includes(endpoint) === false) {
    throw new ProblemError("forbidden", `this credential is for ${caller.endpoints.join(", ")}`);
  }
  const project = query.project ?? projectOf(caller);
  if (project !== undefined) checkProject(caller, project);
  const shard = query.shard === undefined ? undefined : parseShard(query.shard);
  if (query.shard !== undefined && shard === undefined) {
    throw new ProblemError("invalid_request", "shard: expected index/count, 0/1 to 255/256");
  }
  return {
    endpoint,
    ...(project !== undefined && { project }),
    ...(scope !== undefined && { scope }),
    ...(shard !== undefined && { shard }),
  };
}

/** Only where it is asked for by name: Prometheus does not understand it, and does not ask. */
function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? "")
    .split(",")
    .some((entry) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(entry));
}
