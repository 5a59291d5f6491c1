import { TLSSocket } from "node:tls";
import { hashSecret } from "@promferry/target-registry";
import type { FastifyRequest } from "fastify";
import { ProblemError } from "../http/problem.ts";
import type { Caller, Role } from "./caller.ts";
import type { TokenSource } from "./token-file.ts";

export interface Authentication {
  readonly tokens: TokenSource;
  /** Whether all but instances must show a client certificate, too. */
  readonly clientCertificates: boolean;
}

const BEARER = /^Bearer ([!-~]{16,200})$/i;

/**
 * Finds out who calls.
 *
 * A credential is looked up by its SHA-256. What the token file does not know is taken for an instance's key where the
 * route takes instances; the store compares it with the instance's own.
 *
 * @throws {ProblemError} `unauthorized`, `client_certificate_required`, `forbidden`.
 */
export async function authenticate(
  request: FastifyRequest,
  roles: readonly Role[],
  { tokens, clientCertificates }: Authentication,
): Promise<Caller> {
  const [, credential] = BEARER.exec(request.headers.authorization ?? "") ?? [];
  if (credential === undefined) {
    throw new ProblemError("unauthorized", "expected the header Authorization: Bearer <token>");
  }
  const hash = hashSecret(credential);
  const caller: Caller = (await tokens.find(hash)) ?? { role: "instance", keyHash: hash };
  if (caller.role === "instance" && !roles.includes("instance")) {
    throw new ProblemError("unauthorized", "expected a token of this service that has not expired");
  }
  if (clientCertificates && caller.role !== "instance" && !hasClientCertificate(request)) {
    throw new ProblemError(
      "client_certificate_required",
      `expected a client certificate with ${caller.role}`,
    );
  }
  if (!roles.includes(caller.role)) {
    throw new ProblemError("forbidden", `expected ${roles.join(" or ")}, found ${caller.role}`);
  }
  return caller;
}

function hasClientCertificate({ raw: { socket } }: FastifyRequest): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}
