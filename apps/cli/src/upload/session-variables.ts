import type { SessionInfo } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import { expandVariables, findVariables, type SessionFact, sessionFact } from "../config/variables.ts";

const READ: Readonly<Record<SessionFact, (session: SessionInfo) => string | undefined>> = {
  APP: (session) => session.app,
  VERSION: (session) => session.version,
  OS: (session) => session.os,
  ARCH: (session) => session.arch,
  RUN_ID: (session) => session.runId,
  GIT_SHA: (session) => session.gitSha,
};

/** A label's value: the same for all series, or made for each session and week. */
export type LabelTemplate = string | ((session: SessionInfo, periodMs: EpochMs) => string);

/**
 * Prepares a text in which variables may stand. What a session doesn't say is empty, which means the
 * label is absent.
 *
 * @param userIn The identity in a week, where it is another one in each.
 * @param fixed Gives everything that no session decides: the environment and the identity.
 */
export function labelTemplate(
  text: string,
  {
    app,
    fixed,
    userIn,
  }: {
    readonly app: string;
    readonly fixed: (name: string) => string;
    readonly userIn?: ((weekMs: EpochMs) => string) | undefined;
  },
): LabelTemplate {
  const { names } = findVariables(text);
  const isRotating = (name: string) => name === "USER_HASH" && userIn !== undefined;
  if (!names.some((name) => sessionFact(name, app) || isRotating(name))) return expandVariables(text, fixed);
  return (session, periodMs) =>
    expandVariables(text, (name) => {
      if (userIn && isRotating(name)) return userIn(periodMs);
      const fact = sessionFact(name, app);
      return fact ? (READ[fact](session) ?? "") : fixed(name);
    });
}
