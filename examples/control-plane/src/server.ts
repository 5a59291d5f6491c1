import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { ControlPlane, Verdict } from "./control-plane.ts";
import { type ControlPlaneMetrics, RESOURCE_TYPES, type ResourceType } from "./metrics.ts";

const STATUS: Readonly<Record<Verdict, number>> = { done: 200, absent: 404, refused: 403 };
const NAME = "[a-z][a-z0-9-]{0,62}";
const RESOURCE = new RegExp(`^/teams/(${NAME})/([a-z]+)s/(${NAME})$`);

/**
 * `PUT`, `GET` and `DELETE /teams/TEAM/clusters|routes|listeners/ID`, with the caller's team in `X-Team`; and `GET /metrics`, the page that
 * Prometheus scrapes.
 *
 * An example: a real one takes the team from a checked token.
 */
export function createApi(controlPlane: ControlPlane, { registry }: ControlPlaneMetrics): Server {
  return createServer((request, response) => {
    if (request.method === "GET" && request.url === "/metrics") {
      registry.metrics().then(
        (page) => response.setHeader("Content-Type", registry.contentType).end(page),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
      return;
    }
    answer(controlPlane, request, response);
  });
}

function answer(controlPlane: ControlPlane, request: IncomingMessage, response: ServerResponse): void {
  const [, team, type, id] = RESOURCE.exec(request.url ?? "") ?? [];
  const from = request.headers["x-team"];
  const act = { PUT: controlPlane.put, GET: controlPlane.read, DELETE: controlPlane.remove }[
    request.method ?? ""
  ];
  if (
    !act ||
    !team ||
    !id ||
    !isResourceType(type) ||
    typeof from !== "string" ||
    !new RegExp(`^${NAME}$`).test(from)
  ) {
    response
      .writeHead(400)
      .end("expected PUT, GET or DELETE /teams/TEAM/clusters|routes|listeners/ID and X-Team\n");
    return;
  }
  response.writeHead(STATUS[act({ from, team, type, id })]).end();
}

function isResourceType(type: string | undefined): type is ResourceType {
  return (RESOURCE_TYPES as readonly (string | undefined)[]).includes(type);
}
