import { createHash } from "node:crypto";
import {
  jobNameOf,
  renderRules,
  renderScrapeConfig,
  targetFilePatterns,
} from "@promferry/target-registry/render";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { answers, EMPTY, raw } from "../http/answers.ts";
import { ProblemError } from "../http/problem.ts";
import { isCurrent } from "../http/revision.ts";
import { closed, endpointNames, id } from "../http/schemas.ts";
import type { Service } from "../service.ts";
import { type ListQuery, selectionOf, shardSchema } from "./discovery.ts";

const path = {
  type: "string",
  pattern: "^/[A-Za-z0-9._/*-]{1,255}$",
  description: "absolute, as Prometheus sees it",
} as const;
const seconds = { type: "string", pattern: "^[1-9][0-9]{0,4}$", description: "seconds" } as const;
const yes = { type: "string", enum: ["true", "false"] } as const;

interface ScrapeQuery extends ListQuery {
  readonly files?: string;
  readonly token_file?: string;
  readonly ca_file?: string;
  readonly target_ca_file?: string;
  readonly refresh?: string;
  readonly interval?: string;
}

export function configurationRoutes(app: FastifyInstance, service: Service): void {
  const { policy, metricPrefix } = service;
  const yaml = answers({ 200: raw("application/yaml", "a file for Prometheus"), 304: EMPTY }, [
    "invalid_request",
  ]);

  app.get<{ Querystring: ScrapeQuery }>(
    "/v1/config/scrape",
    {
      config: { access: ["platform", "reader"], perMinute: "reader" },
      schema: {
        summary: "The hardened scrape job of each endpoint, for scrape_config_files",
        querystring: closed(
          {
            ...{ endpoint: endpointNames(policy), project: id, scope: id, shard: shardSchema },
            files: { ...path, description: "a folder: file_sd instead of http_sd" },
            ...{ token_file: path, ca_file: path, target_ca_file: path, refresh: seconds, interval: seconds },
          },
          [],
        ),
        response: yaml,
      },
    },
    async (request, reply) => {
      const { query, caller } = request;
      const { files, token_file, ca_file, target_ca_file, refresh, interval } = query;
      const readable = (name: string): boolean =>
        caller?.role !== "reader" || caller.endpoints?.includes(name) !== false;
      const kinds = policy.endpoints.filter(({ name }) =>
        query.endpoint === undefined ? readable(name) : name === query.endpoint,
      );
      const jobs = kinds.map((kind) => {
        const selection = selectionOf({ ...query, endpoint: kind.name }, caller!);
        const search = new URLSearchParams({ endpoint: kind.name });
        if (selection.project !== undefined) search.set("project", selection.project);
        if (selection.scope !== undefined) search.set("scope", selection.scope);
        if (query.shard !== undefined) search.set("shard", query.shard);
        return {
          kind,
          prefix: metricPrefix,
          ...(interval !== undefined && { intervalMs: Number(interval) * 1_000 }),
          ...(target_ca_file !== undefined && { targetCaFile: target_ca_file }),
          discovery:
            files === undefined
              ? ({
                  type: "http",
                  url: `${service.publicUrl}/v1/sd/prometheus?${search}`,
                  tokenFile: token_file ?? "/etc/prometheus/ferry.token",
                  ...(ca_file !== undefined && { caFile: ca_file }),
                  ...(refresh !== undefined && { refreshMs: Number(refresh) * 1_000 }),
                } as const)
              : ({
                  type: "file",
                  files: targetFilePatterns(kind.name, selection.shard).map(
                    (name) => `${files.replace(/\/+$/, "")}/${name}`,
                  ),
                } as const),
        };
      });
      return sendYaml(request, reply, renderScrapeConfig(jobs));
    },
  );

  app.get<{ Querystring: { interval?: string; whole_lists?: string } }>(
    "/v1/config/rules",
    {
      config: { access: ["platform", "reader"], perMinute: "reader" },
      schema: {
        summary: "Recording and alert rules, for rule_files",
        querystring: closed({ interval: seconds, whole_lists: yes }, []),
        response: yaml,
      },
    },
    async (request, reply) => {
      const { interval, whole_lists } = request.query;
      const project = request.caller?.role === "reader" && request.caller.project !== undefined;
      if (project && whole_lists === "true") {
        throw new ProblemError("invalid_request", "whole_lists: this credential reads one project");
      }
      const node = policy.endpoints.find(({ name }) => name === "node");
      const intervalMs = interval === undefined ? node?.intervalMs : Number(interval) * 1_000;
      return sendYaml(
        request,
        reply,
        renderRules({
          prefix: metricPrefix,
          jobs: Object.fromEntries(policy.endpoints.map(({ name }) => [name, jobNameOf(name)])),
          wholeLists: !project && whole_lists !== "false",
          ...(intervalMs !== undefined && { intervalMs }),
        }),
      );
    },
  );
}

function sendYaml(request: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
  const tag = `"${createHash("sha256").update(text).digest("base64url")}"`;
  reply.header("etag", tag);
  if (isCurrent(request.headers["if-none-match"], tag)) return reply.code(304).send();
  return reply.type("application/yaml").send(text);
}
