/** What hooks and routes leave on a request and on a route. */
import type { Caller, Role } from "../auth/caller.ts";
import type { ProblemCode } from "./problem-table.ts";

/** `anyone`: no credential is asked for. */
export type Access = readonly Role[] | "anyone";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on routes that are not open to anyone. */
    caller: Caller | undefined;
    /** Code of the problem that it was answered with. */
    problem: ProblemCode | undefined;
    /** What a mutating call was about, for the audit log. */
    subject: Readonly<Record<string, unknown>> | undefined;
  }
  interface FastifyContextConfig {
    /** Every route states it. */
    access?: Access;
    /** Name of the deed in the audit log; absent: the call changes nothing, or too often to be told. */
    audit?: string;
    /** Requests a minute for one credential. */
    perMinute?: "platform" | "instance" | "join" | "reader";
  }
}
