import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ProblemError } from "../http/problem.ts";

/** What changed after a revision; `rev` is where to go on from. */
export interface ChangePage {
  readonly rev: number;
  /** There is more at once. */
  readonly more: boolean;
  readonly items: readonly object[];
}

export interface ChangeStreamLimits {
  /** Streams that are open at once. Default 100. */
  readonly streams?: number;
  /** Silence after which a comment shows that the stream lives, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number;
  /** Longest life of a stream, in milliseconds: a token that was taken away ends with it. Default 600,000. */
  readonly lifeMs?: number;
  /** Shortest time between two events that are not parts of one answer, in milliseconds. Default 1,000. */
  readonly paceMs?: number;
}

export interface ChangeStreamOptions extends ChangeStreamLimits {
  /** Resolves with the next change above a revision, or with the signal. */
  readonly wait: (since: number, signal: AbortSignal) => Promise<void>;
  readonly stopping: AbortSignal;
}

/**
 * Changes above a revision; undefined when there is none.
 *
 * @throws {ProblemError} When the caller has to begin anew, or nothing can be said.
 */
export type ReadChanges = (since: number) => Promise<ChangePage | undefined>;

/** Answers with changes as they come; the first are read before the answer begins. */
export type ChangeStreams = (reply: FastifyReply, since: number, read: ReadChanges) => Promise<unknown>;

/** A client that names a revision goes on after it, whatever its address says (HTML, "The Last-Event-ID header"). */
export function sinceOf(request: FastifyRequest, since: number): number {
  const id = request.headers["last-event-id"];
  if (id === undefined || id === "") return since;
  if (typeof id === "string" && /^[0-9]{1,15}$/.test(id)) return Number(id);
  throw new ProblemError("invalid_request", "Last-Event-ID: expected the id of an event of this stream");
}

export function wantsEvents({ headers }: FastifyRequest): boolean {
  return /(?:^|,)\s*text\/event-stream\s*(?:;|,|$)/i.test(headers.accept ?? "");
}

/**
 * Server-sent events: `changes` with the page as data and its revision as id, `problem` with a code before an end that is
 * not the client's or its time's. A stream that ends is to be opened again, after two seconds.
 */
export function createChangeStreams(options: ChangeStreamOptions): ChangeStreams {
  const { wait, stopping, streams = 100 } = options;
  const { heartbeatMs = 15_000, lifeMs = 600_000, paceMs = 1_000 } = options;
  let open = 0;

  async function* events(
    first: { readonly page: ChangePage | undefined; readonly since: number },
    read: ReadChanges,
    end: AbortSignal,
  ): AsyncGenerator<string> {
    yield "retry: 2000\n\n";
    let { page, since } = first;
    try {
      for (;;) {
        if (page !== undefined) {
          since = page.rev;
          yield `id: ${since}\nevent: changes\ndata: ${JSON.stringify(page)}\n\n`;
          if (!page.more) await delay(paceMs, undefined, { signal: end }).catch(() => {});
        }
        if (end.aborted) return;
        page = await read(since);
        if (page !== undefined) continue;
        const silence = AbortSignal.timeout(heartbeatMs);
        await wait(since, AbortSignal.any([end, silence]));
        if (silence.aborted) yield ": still here\n\n";
      }
    } catch (error) {
      const code = error instanceof ProblemError ? error.code : "store_unavailable";
      yield `event: problem\ndata: ${JSON.stringify({ code })}\n\n`;
    }
  }

  return async (reply, since, read) => {
    if (open >= streams) {
      throw new ProblemError("overloaded", `${streams} streams are open`, { retryAfter: 10 });
    }
    // It left while its credential was looked up, and its end has been told already.
    if (reply.raw.destroyed) return reply.hijack();
    open += 1;
    const gone = new AbortController();
    // Also where the answer is a problem.
    const life = setTimeout(() => gone.abort(), lifeMs);
    reply.raw.once("close", () => {
      open -= 1;
      clearTimeout(life);
      gone.abort();
    });
    const first = { since, page: await read(since) };
    const end = AbortSignal.any([stopping, gone.signal]);
    return (
      reply
        .type("text/event-stream")
        .header("cache-control", "no-store")
        // A connection that is kept after the stream's end would hold up the end of the service.
        .header("connection", "close")
        .header("x-accel-buffering", "no")
        .send(Readable.from(events(first, read, end), { objectMode: false }))
    );
  };
}
