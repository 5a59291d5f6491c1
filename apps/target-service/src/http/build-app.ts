import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { ServerOptions as TlsOptions } from "node:https";
import swagger from "@fastify/swagger";
import Fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from "fastify";
import { type Authentication, authenticate } from "../auth/authenticate.ts";
import { actorOf } from "../auth/caller.ts";
import type { ServiceMetrics } from "../observe/metrics.ts";
import { changesRoute } from "../routes/changes.ts";
import { configurationRoutes } from "../routes/configuration.ts";
import { confirmRoute } from "../routes/confirm.ts";
import { deleteInstanceRoute } from "../routes/delete-instance.ts";
import { discoveryRoute } from "../routes/discovery.ts";
import { healthRoutes } from "../routes/health.ts";
import { heartbeatRoute } from "../routes/heartbeat.ts";
import { instanceRoutes } from "../routes/instances.ts";
import { joinRoute } from "../routes/join.ts";
import { joinTokenRoutes } from "../routes/join-tokens.ts";
import { putInstanceRoute } from "../routes/put-instance.ts";
import { userDataRoutes } from "../routes/user-data.ts";
import type { Service } from "../service.ts";
import { sendProblem } from "./error-handler.ts";
import { type LogOptions, logOptions } from "./log-options.ts";
import { ProblemError, problemDocument } from "./problem.ts";
import { DEFAULT_RATE_LIMITS, type RateLimits, registerRateLimits } from "./rate-limits.ts";
import "./request-state.ts";

export interface AppOptions extends Authentication {
  readonly service: Service;
  readonly metrics: ServiceMetrics;
  /** Default: none is logged. */
  readonly log?: LogOptions;
  /** Told of each deed and of each refused credential. Default: it stands in the log, with `audit: true`. */
  readonly audit?: (entry: AuditEntry) => void;
  readonly rateLimits?: RateLimits;
  /** Default: plain HTTP. */
  readonly tls?: TlsOptions;
  /** Proxies whose X-Forwarded-For is believed. Default: none. */
  readonly trustProxy?: readonly string[];
  /** Further routes, which must state their `access`. */
  readonly extraRoutes?: (app: FastifyInstance) => void | Promise<void>;
}

/** Who did what, and what came of it. No secret stands in it. */
export interface AuditEntry {
  readonly action: string;
  readonly actor: string;
  readonly ip: string;
  readonly request: string;
  readonly status: number;
  /** Code of the problem, where there was one. */
  readonly code?: string;
  readonly instance?: string;
  readonly [subject: string]: unknown;
}

const BODY_LIMIT = 64 * 1024;

/** The API, without a socket. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { service, metrics, log, tls = null, trustProxy = [], rateLimits = DEFAULT_RATE_LIMITS } = options;
  const app = Fastify({
    logger: log === undefined ? false : logOptions(log),
    // Our own line at the end of each request says as much, and leaves out what comes too often.
    logController: new LogController({ disableRequestLogging: true }),
    // Lines name their request themselves: a logger for each would cost more than the lines.
    childLoggerFactory: (logger) => logger,
    bodyLimit: BODY_LIMIT,
    genReqId: () => randomUUID(),
    return503OnClosing: false,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    https: tls,
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: 200 },
    exposeHeadRoutes: false,
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: true },
    },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler(error, socket) {
      if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
      const document = problemDocument(new ProblemError("invalid_request", "expected HTTP/1.1"), "-");
      const body = JSON.stringify(document);
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  } satisfies FastifyServerOptions & { https: TlsOptions | null } as FastifyServerOptions);
  // Who did what is told whatever else is not.
  const auditLog = app.log.child({ audit: true }, { level: "info" });
  const { audit = (entry: AuditEntry) => auditLog.info(entry) } = options;
  app.decorateRequest("caller", undefined);
  app.decorateRequest("problem", undefined);
  app.decorateRequest("subject", undefined);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(new ProblemError("not_found", `${request.method}: no such route`), request, reply),
  );
  acceptJson(app);

  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.access === undefined) throw new TypeError(`${method} ${url}: expected a statement of access`);
  });
  app.addHook("onRequest", (request, _, done) => {
    const access = request.routeOptions.config.access;
    if (access === undefined || access === "anyone") return void done();
    authenticate(request, access, options).then((caller) => {
      request.caller = caller;
      done();
    }, done);
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    // What was under way when the end began: its connection would be kept, and waited for.
    if (service.stopping.aborted) reply.header("connection", "close");
    done(null, payload);
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    service.counters.request(route, request.method, reply.statusCode, reply.elapsedTime / 1_000);
    const entry = auditEntry(request, reply.statusCode);
    if (entry !== undefined) audit(entry);
    // What the audit tells is not told twice.
    const often = request.method === "GET" || request.routeOptions.config.perMinute === "instance";
    request.log[often || entry !== undefined ? "debug" : "info"](
      {
        reqId: request.id,
        req: request,
        res: reply,
        code: request.problem,
        ms: Math.round(reply.elapsedTime),
      },
      "answered",
    );
    done();
  });

  registerRateLimits(app, rateLimits);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Promferry target service", version: "1" },
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
    },
    transform: ({ schema, url, route }) => ({
      url,
      schema: {
        ...schema,
        ...(route.config?.access === "anyone" ? {} : { security: [{ bearer: [] }] }),
      },
    }),
  });
  healthRoutes(app, service, metrics);
  joinTokenRoutes(app, service);
  userDataRoutes(app, service);
  joinRoute(app, service);
  heartbeatRoute(app, service);
  putInstanceRoute(app, service);
  deleteInstanceRoute(app, service);
  instanceRoutes(app, service);
  discoveryRoute(app, service);
  changesRoute(app, service);
  confirmRoute(app, service);
  configurationRoutes(app, service);
  await options.extraRoutes?.(app);
  await app.ready();
  return app;
}

function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("text/plain");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, given, done) => {
    const body = given as Buffer;
    const { "content-encoding": coding = "identity" } = request.headers;
    // A client that always names its type also names it where there is no body, such as the agent with DELETE.
    if (body.length === 0 && request.method === "DELETE") return done(null, undefined);
    if (coding.toLowerCase() !== "identity") {
      return done(new ProblemError("unsupported_media_type", "expected no Content-Encoding"));
    }
    // Decoding would put other characters in the place of the wrong bytes.
    if (!isUtf8(body)) return done(new ProblemError("invalid_json", "expected UTF-8"));
    parse(request, body.toString(), done);
  });
}

function auditEntry(request: FastifyRequest, status: number): AuditEntry | undefined {
  const { caller, problem, params, subject } = request;
  const { audit, access } = request.routeOptions.config;
  const refused = status === 401 || status === 403;
  if (audit === undefined && !(refused && access !== undefined)) return undefined;
  const { id } = (params ?? {}) as { readonly id?: string };
  const isInstance = id !== undefined && !id.startsWith("jt-");
  return {
    action: audit ?? `${request.method} ${request.routeOptions.url}`,
    actor: caller === undefined ? "anyone" : actorOf(caller, id),
    ip: request.ip,
    request: request.id,
    status,
    ...(problem !== undefined && { code: problem }),
    ...(isInstance ? { instance: id } : id !== undefined && { join_token: id }),
    ...subject,
  };
}
