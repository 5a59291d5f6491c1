import type { SessionInfo } from "@promferry/core/journal";
import { expandVariables, findVariables, type SessionFact, sessionFact } from "../config/variables.ts";

const READ: Readonly<Record<SessionFact, (session: SessionInfo) => string | undefined>> = {
  APP: (session) => session.app,
  VERSION: (session) => session.version,
  OS: (session) => session.os,
  ARCH: (session) => session.arch,
  RUN_ID: (session) => session.runId,
  GIT_SHA: (session) => session.gitSha,
};

/** A label's value: the same for all series, or made for each session. */
export type LabelTemplate = string | ((session: SessionInfo) => string);

/**
 * Prepares a text in which variables may stand. What a session doesn't say is empty, which means the
 * label is absent.
 *
 * @param fixed Gives everything that no session decides: the environment and the identity.
 */
export function labelTemplate(
  text: string,
  { app, fixed }: { readonly app: string; readonly fixed: (name: string) => string },
): LabelTemplate {
  const { names } = findVariables(text);
  if (!names.some((name) => sessionFact(name, app))) return expandVariables(text, fixed);
  return (session) =>
    expandVariables(text, (name) => {
      const fact = sessionFact(name, app);
      return fact ? (READ[fact](session) ?? "") : fixed(name);
    });
}
