import type { SessionInfo } from "@promferry/core/journal";
import { compareCodePoints, type EpochMs, type Label } from "@promferry/core/series";
import type { Filter } from "./filter.ts";

/** What a session knows about itself and may say on its series. */
export type SessionLabel = "version" | "os" | "arch" | "run_id" | "git_sha";

const read: Readonly<Record<SessionLabel, (session: SessionInfo) => string | undefined>> = {
  version: (session) => session.version,
  os: (session) => session.os,
  arch: (session) => session.arch,
  run_id: (session) => session.runId,
  git_sha: (session) => session.gitSha,
};

export interface JoinSessionOptions {
  /** Default version, os and arch; the others tell runs apart and stay local unless asked for. */
  readonly labels?: readonly SessionLabel[];
  /** The destination's `user`, or the one in a period; see `resolveIdentity`. Default: no such label. */
  readonly user?: string | ((periodMs: EpochMs) => string);
}

/**
 * Adds to a program's own series what holds for its whole session. What the session doesn't say is left
 * out, and a label that the series has already stays. Scraped pages pass untouched.
 */
export function joinSession(options: JoinSessionOptions = {}): Filter {
  const { labels = ["version", "os", "arch"], user } = options;
  return (series, { origin, session, periodMs = 0 }) => {
    if (origin !== "app") return series;
    const added = labels.map((name): readonly [string, string | undefined] => [name, read[name](session)]);
    return {
      name: series.name,
      labels: withAdded(series.labels, [
        ...added,
        ["user", typeof user === "function" ? user(periodMs) : user],
      ]),
    };
  };
}

/** Adds these labels to every series, of programs and of scraped pages, that doesn't have them already. */
export function externalLabels(labels: Readonly<Record<string, string>>): Filter {
  const added = Object.entries(labels);
  return (series) => ({ name: series.name, labels: withAdded(series.labels, added) });
}

function withAdded(
  labels: readonly Label[],
  added: readonly (readonly [name: string, value: string | undefined])[],
): readonly Label[] {
  const joined = [...labels];
  for (const [name, value] of added) {
    if (value && !labels.some((label) => label.name === name)) joined.push({ name, value });
  }
  return joined.sort((a, b) => compareCodePoints(a.name, b.name));
}
