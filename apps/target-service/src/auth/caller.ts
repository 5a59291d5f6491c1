/** Who calls, and what it may do. */
import { ProblemError } from "../http/problem.ts";

export type Role = "platform" | "registrar" | "reader" | "instance";

export type Caller =
  /** Everything, in every project. */
  | { readonly role: "platform"; readonly name: string }
  /** Tokens, user data and instances of one project; on addresses in `ranges`, where it says so. */
  | {
      readonly role: "registrar";
      readonly name: string;
      readonly project: string;
      readonly ranges?: readonly string[];
    }
  /** Lists, changes and configuration; of one project, of some endpoints, where it says so. */
  | {
      readonly role: "reader";
      readonly name: string;
      readonly project?: string;
      readonly endpoints?: readonly string[];
    }
  /** An instance by its own key; which one it is, the store says. */
  | { readonly role: "instance"; readonly keyHash: string };

/** For history and audit. An instance is named by what it says it is: its key is checked by the store. */
export function actorOf(caller: Caller, instanceId = "unknown"): string {
  return caller.role === "instance" ? `instance:${instanceId}` : `${caller.role}:${caller.name}`;
}

/** The project that the caller is held to; undefined: none. */
export function projectOf(caller: Caller): string | undefined {
  return caller.role === "platform" || caller.role === "instance" ? undefined : caller.project;
}

/** @throws {ProblemError} `forbidden` when the caller is held to another project. */
export function checkProject(caller: Caller, project: string): void {
  const own = projectOf(caller);
  if (own !== undefined && own !== project) {
    throw new ProblemError("forbidden", `this credential is for the project ${own}`);
  }
}
