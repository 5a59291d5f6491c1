import { StoreError } from "@promferry/target-registry/store";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ProblemError, problemDocument } from "./problem.ts";

/** Seconds after which a store that failed is worth another try. */
const STORE_RETRY = 5;
const PROBLEM_LIMIT = 50;

/** Answers with the problem document of whatever was thrown; what nobody foresaw is logged and says nothing outside. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem.status >= 500 && problem.code !== "store_new") {
    request.log.error({ reqId: request.id, err: error, code: problem.code }, "request failed");
  }
  request.problem = problem.code;
  if (problem.details.retryAfter !== undefined) reply.header("retry-after", problem.details.retryAfter);
  if (problem.status === 401) reply.header("www-authenticate", "Bearer");
  return reply
    .code(problem.status)
    .type("application/problem+json")
    .send(problemDocument(problem, request.id));
}

function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof StoreError) return storeProblem(error);
  const { code = "", statusCode = 500, validation, validationContext } = error as FastifyError;
  if (validation !== undefined) {
    const problems = validation.slice(0, PROBLEM_LIMIT).map(({ instancePath, message, params }) => ({
      path: `${validationContext === "body" ? "" : `/${validationContext}`}${instancePath}`.slice(0, 200),
      expected: expectation(message, params),
      found: "not shown",
    }));
    return new ProblemError("invalid_request", `${validationContext}: ${problems.length} problems`, {
      problems,
    });
  }
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ProblemError("body_too_large", "expected a smaller body");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new ProblemError("unsupported_media_type", "expected Content-Type: application/json");
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new ProblemError("invalid_request", "expected as many bytes as Content-Length says");
    case "FST_ERR_BAD_URL":
      return new ProblemError("invalid_request", "expected a path with well-formed escapes");
    default:
      // Of a client's making, by the framework's word; the message of a parser may show pieces of the body.
      if (statusCode >= 400 && statusCode < 500) return new ProblemError("invalid_json", "expected JSON");
      return new ProblemError("internal", "failed in a way that nobody foresaw");
  }
}

function storeProblem({ code }: StoreError): ProblemError {
  const retry = { retryAfter: STORE_RETRY };
  switch (code) {
    case "ERR_STORE_FROZEN":
      return new ProblemError("store_frozen", "an export runs", retry);
    case "ERR_STORE_UNAVAILABLE":
    case "ERR_STORE_CLOSED":
    case "ERR_STORE_FENCED":
      return new ProblemError("store_unavailable", "no answer from the store", retry);
    default:
      return new ProblemError("internal", "the store is damaged");
  }
}

/** Names of fields may be shown, values never: a secret may stand in the wrong place. */
function expectation(message = "another value", params: Readonly<Record<string, unknown>>): string {
  const field = params["additionalProperty"] ?? params["allowedValues"];
  if (Array.isArray(field)) return `${message}: ${field.join(", ")}`.slice(0, 200);
  return typeof field === "string" ? `no field ${JSON.stringify(field.slice(0, 64))}` : message;
}
