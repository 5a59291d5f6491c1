import { type Instance, isId, isServed } from "@promferry/target-registry";
import type { TargetStore } from "@promferry/target-registry/store";
import type { FastifyPluginAsync } from "fastify";
import { projectOf } from "../auth/caller.ts";
import { answers } from "../http/answers.ts";
import { closed, idParams, id as idSchema, time } from "../http/schemas.ts";
import "../http/request-state.ts";
import { ProblemError } from "../http/problem.ts";
import type { AskOptions, PrometheusClient } from "../prometheus/prometheus-client.ts";
import { metricsByName, usualMetrics } from "./metric-catalogue.ts";
import { type MetricsQuery, parseNames, parseRange } from "./parse-question.ts";
import { createTerms, type Level, type Scope } from "./promql.ts";
import { freshnessMs, type MetricAnswer, queryMetric, targetsAt } from "./query-metric.ts";

export interface ServiceMetricsOptions {
  readonly store: Pick<TargetStore, "get" | "list" | "now">;
  /** Default: none, every question is refused with `prometheus_missing`. */
  readonly prometheus?: PrometheusClient;
  /** First part of the recorded names, and of those of the API. Default `click_deploy`. */
  readonly metricPrefix?: string;
  /** `job` by endpoint name. Default: as the generated scrape configuration names them. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** Scrape interval that the rules were generated for, in milliseconds. Default 30,000. */
  readonly intervalMs?: number;
  /** Longest time for one request with all its questions to Prometheus, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
}

/** What `GET /v1/{services,instances,projects}/{id}/metrics` answers. */
export interface MetricsDocument {
  readonly resource: { readonly type: Level; readonly id: string; readonly project: string };
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  /** Seconds. */
  readonly step: number;
  /** By name. */
  readonly metrics: Readonly<Record<string, MetricAnswer>>;
}

/**
 * Routes that answer how a service, an instance or a project does, from Prometheus and its recorded rules.
 *
 * Absent data is never 0: each metric says whether it is whole, partial, stale or not there. Ids are checked before they
 * stand in a question.
 */
export const serviceMetrics: FastifyPluginAsync<ServiceMetricsOptions> = async (app, options) => {
  for (const [level, path] of [
    ["service", "services"],
    ["instance", "instances"],
    ["project", "projects"],
  ] as const) {
    app.get<{ Params: { id: string }; Querystring: MetricsQuery }>(
      `/v1/${path}/:id/metrics`,
      {
        config: { access: ["platform", "registrar", "reader"], perMinute: "reader" },
        schema: { ...SCHEMA, summary: `Metrics of ${level === "instance" ? "an" : "a"} ${level}` },
      },
      (request) =>
        answer(level, request.params.id, request.query, projectOf(request.caller!), options, request.signal),
    );
  }
};

async function answer(
  level: Level,
  id: string,
  query: MetricsQuery,
  ownProject: string | undefined,
  options: ServiceMetricsOptions,
  signal: AbortSignal,
): Promise<MetricsDocument> {
  const {
    store,
    prometheus,
    metricPrefix: prefix = "click_deploy",
    intervalMs = 30_000,
    timeoutMs = 10_000,
  } = options;
  const { project, instances } = await findResource(level, id, query.project, ownProject, store);
  const scope: Scope = level === "project" ? { project } : { project, [level]: id };
  const jobs = options.jobs === undefined ? {} : { jobs: options.jobs };
  const terms = createTerms({ level, scope, prefix, intervalMs, ...jobs });
  const nowMs = await store.now();
  const range = parseRange(query, nowMs, terms.windowSeconds);
  const known = metricsByName(prefix, level);
  const names = parseNames(query.names, known, usualMetrics(prefix, level));
  if (prometheus === undefined) {
    throw new ProblemError("prometheus_missing", "this service was given no Prometheus to ask");
  }
  const deadline = performance.now() + timeoutMs;
  const ask = (): AskOptions => {
    const restMs = Math.floor(deadline - performance.now());
    if (restMs > 0) return { timeoutMs: restMs, signal };
    throw new ProblemError("prometheus_timeout", `Prometheus gave no answer in ${timeoutMs} ms`);
  };

  const expected = new Map<string, Promise<ReadonlySet<string>>>();
  const expectedAt = async (endpoint: string): Promise<ReadonlySet<string>> => {
    const targets = await targetsAt(prometheus, terms, endpoint, range.toMs, ask());
    // Of another time the registry knows nothing; Prometheus does.
    const isNow = range.toMs >= nowMs - freshnessMs(terms);
    return new Set([...targets, ...(isNow ? idsWith(endpoint, instances) : [])]);
  };
  const metrics: Record<string, MetricAnswer> = {};
  // One after the other: a question for everything must not take all of Prometheus' workers.
  for (const name of names) {
    const metric = known.get(name)!;
    const { endpoint } = metric;
    if (!expected.has(endpoint)) expected.set(endpoint, expectedAt(endpoint));
    const ids = await expected.get(endpoint)!;
    metrics[name] = await queryMetric(prometheus, { metric, terms, range, expected: ids, ask });
  }
  const [from, to] = [range.fromMs, range.toMs].map((ms) => new Date(ms).toISOString());
  return {
    resource: { type: level, id, project },
    from: from!,
    to: to!,
    step: range.stepMs / 1_000,
    metrics,
  };
}

/** The project that a resource belongs to, with the instances that the registry knows of it. */
async function findResource(
  level: Level,
  id: string,
  asked: string | undefined,
  own: string | undefined,
  store: ServiceMetricsOptions["store"],
): Promise<{ project: string; instances: readonly Instance[] }> {
  const unknown = (): ProblemError =>
    new ProblemError("metrics_resource_unknown", `no ${level} of this id is registered`);
  if (!isId(id)) throw unknown();
  const named = level === "project" ? id : asked;
  if (own !== undefined && named !== undefined && named !== own) {
    throw new ProblemError("metrics_forbidden", "expected the caller's own project");
  }
  const limit = named ?? own;
  if (limit !== undefined && !isId(limit)) throw unknown();
  if (level === "instance") {
    const instance = await store.get(id);
    if (instance === undefined || (limit !== undefined && instance.project !== limit)) throw unknown();
    return { project: instance.project, instances: [instance] };
  }
  const filter = {
    ...(limit === undefined ? {} : { project: limit }),
    ...(level === "service" ? { service: id } : {}),
  };
  const instances: Instance[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.list(filter, { limit: 10_000, ...(after === undefined ? {} : { after }) });
    instances.push(...page.items);
    after = page.next;
    if (after === undefined) break;
  }
  const projects = [...new Set(instances.map(({ project }) => project))];
  const [project] = projects;
  if (project === undefined) throw unknown();
  if (projects.length > 1) {
    throw new ProblemError("metrics_ambiguous", "several projects have this service: name one, ?project=");
  }
  return { project, instances };
}

function idsWith(endpoint: string, instances: readonly Instance[]): readonly string[] {
  return instances
    .filter((instance) => isServed(instance) && instance.endpoints.some(({ name }) => name === endpoint))
    .map(({ id }) => id);
}

const TEXT = { type: "string", maxLength: 64 } as const;

const METRIC = closed({
  unit: { type: "string", enum: ["percent", "bytes", "bytes_per_second", "requests", "seconds", "ratio"] },
  status: { type: "string", enum: ["ok", "partial", "stale", "no_data"] },
  as_of: { type: ["string", "null"], description: "RFC 3339: time of the newest sample behind it" },
  instances: closed({ answered: { type: "integer" }, expected: { type: "integer" } }),
  series: {
    type: "array",
    items: closed({
      labels: { type: "object", additionalProperties: { type: "string" } },
      value: { type: ["number", "null"] },
      points: {
        type: "array",
        description: "time in milliseconds since the epoch, value",
        items: { type: "array", items: { type: "number" } },
      },
    }),
  },
  warnings: { type: "array", items: { type: "string" } },
});

const DOCUMENT = closed({
  resource: closed({
    type: { type: "string", enum: ["project", "service", "instance"] },
    id: { type: "string" },
    project: { type: "string" },
  }),
  from: time,
  to: time,
  step: { type: "integer", description: "seconds" },
  metrics: { type: "object", additionalProperties: METRIC },
});

const SCHEMA = {
  params: idParams,
  querystring: closed(
    {
      from: {
        ...TEXT,
        description: "milliseconds since the epoch, or RFC 3339; default: an hour before `to`",
      },
      to: { ...TEXT, description: "the same; default, and at most: now" },
      step: { ...TEXT, description: "whole seconds between two points" },
      names: { type: "string", maxLength: 4_096, description: "metrics, separated by commas" },
      project: { ...idSchema, description: "where several have a service of this id" },
    },
    [],
  ),
  response: answers({ 200: DOCUMENT }, [
    "invalid_request",
    "metrics_ambiguous",
    "metrics_name",
    "metrics_range",
    "metrics_forbidden",
    "metrics_resource_unknown",
    "prometheus_missing",
    "prometheus_refused",
    "prometheus_unauthorized",
    "prometheus_unreachable",
    "prometheus_timeout",
  ]),
};
