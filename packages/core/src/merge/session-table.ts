import type { Frame, FrameOrigin } from "../journal/frame.ts";
import type { EpochMs } from "../series/series.ts";
import { endSource, joinSource } from "./bucket-totals.ts";
import { endOf, forgetSeries, runsAt, type SessionState } from "./session-state.ts";
import { SlotTable } from "./slot-table.ts";
import { endCounter, joinCounter, joinGauge } from "./targets.ts";

const HOUR_MS = 3_600_000;
/** Without an exit frame: a session silent for longer may write again, but its first values count nothing. */
const SERIES_KEPT_MS = 7 * 24 * HOUR_MS;
/** After this a frame of the session is taken for one of a session never seen. */
const SESSION_KEPT_MS = 30 * 24 * HOUR_MS;

/** The sessions of the last 30 days, and which of them run. */
export class SessionTable {
  readonly byId: Map<string, SessionState>;
  readonly running: Set<SessionState>;
  /** Sessions that have written their exit frame and end with the next instant. */
  readonly #leaving = new Set<SessionState>();
  /** None of the others ends before. */
  #nextEndMs: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(byId: Map<string, SessionState>, running: Set<SessionState>) {
    this.byId = byId;
    this.running = running;
  }

  /** @param origin Only sessions of it. Default: all. */
  endSilent(atMs: EpochMs, origin?: FrameOrigin): void {
    const over = new Set<SessionState>();
    const goesOn = (session: SessionState) =>
      runsAt(session, atMs) || (origin !== undefined && session.origin !== origin);
    for (const session of this.#leaving) if (!goesOn(session)) over.add(session);
    if (atMs > this.#nextEndMs) {
      this.#nextEndMs = Number.POSITIVE_INFINITY;
      for (const session of this.running) {
        if (goesOn(session)) this.#nextEndMs = Math.min(this.#nextEndMs, endOf(session));
        else over.add(session);
      }
    }
    for (const session of [...over].sort((a, b) => (a.id < b.id ? -1 : 1))) this.end(session);
  }

  /** Lets the totals keep what the session has counted; should it write again, it goes on from there. */
  end(session: SessionState): void {
    this.running.delete(session);
    this.#leaving.delete(session);
    for (const { slot } of session.slots.values()) {
      if (slot.kind === "counter") endCounter(slot.target, slot.accumulator);
      else if (slot.kind === "gauge") slot.target.live.delete(session);
    }
    for (const { target, buckets } of session.groups.values()) if (target) endSource(target.totals, buckets);
    // A page's series carry nothing over from one frame to the next.
    if (session.origin === "scrape") forgetSeries(session);
  }

  /** Lets go of what sessions counted that are not expected to write again, and then of the sessions. */
  forget(atMs: EpochMs): void {
    for (const session of this.byId.values()) {
      if (this.running.has(session)) continue;
      const silentMs = atMs - session.lastMs;
      if (silentMs > SESSION_KEPT_MS) this.byId.delete(session.id);
      else if (silentMs > (session.exited ? 2 * session.info.intervalMs : SERIES_KEPT_MS))
        forgetSeries(session);
    }
  }

  /** A session that was silent for too long and writes again. */
  #resume(session: SessionState): void {
    this.running.add(session);
    for (const { slot } of session.slots.values()) {
      if (slot.kind === "counter") joinCounter(slot.target, slot.accumulator);
      else if (slot.kind === "gauge") joinGauge(session, slot);
    }
    for (const { target, buckets } of session.groups.values()) if (target) joinSource(target.totals, buckets);
  }

  /** The frame's session, brought up to the frame. */
  enter({ header, info }: Frame): SessionState {
    let session = this.byId.get(header.session);
    if (session) {
      session.previousMs = session.lastMs;
    } else {
      session = {
        id: header.session,
        origin: header.origin,
        info,
        fromZero: false,
        lastSeq: header.seq,
        lastMs: header.writtenMs,
        previousMs: undefined,
        exited: false,
        slots: new SlotTable(),
        groups: new Map(),
      };
      this.byId.set(session.id, session);
    }
    if (!info.lost) session.info = info;
    session.lastSeq = header.seq;
    session.lastMs = header.writtenMs;
    session.exited = header.exit;
    if (!this.running.has(session)) this.#resume(session);
    if (session.exited) this.#leaving.add(session);
    else {
      this.#leaving.delete(session);
      this.#nextEndMs = Math.min(this.#nextEndMs, endOf(session));
    }
    return session;
  }

  /** Pages may be newer, since they don't wait for the end of a step. */
  newestOfApps(): EpochMs {
    let newestMs = Number.NEGATIVE_INFINITY;
    for (const { origin, lastMs } of this.byId.values()) {
      if (origin === "app" && lastMs > newestMs) newestMs = lastMs;
    }
    return newestMs;
  }
}
