import { setImmediate } from "node:timers/promises";
import type { TotalSample } from "@promferry/core/merge";
import type { NextRequest } from "./ledger.ts";
import type { MadeRequest, RequestMaker } from "./request-maker.ts";
import { withFrames } from "./seqs.ts";
import { framesOf } from "./settle.ts";
import type { Window } from "./window.ts";

/** A run of a window's samples, ready to be sent. */
export interface WindowRequest extends MadeRequest {
  readonly window: Window;
  readonly from: number;
}

/** So many are made while a request is under way, so that its waits for the disk and the receiver are never idle. */
const WINDOWS_AHEAD = 2;

/** Cuts windows into requests, left to right, so that progress is one number. */
export interface RequestQueue {
  /** The first request, or the one after `done`; undefined at the end. */
  after(done: WindowRequest | undefined): Promise<WindowRequest | undefined>;
  /** The left part of a request that was not taken, about half of it, of whole instants where there are some; what is left follows. */
  halve(request: WindowRequest): WindowRequest;
  /** Begins to make the next windows while a request is under way. */
  prefetch(): void;
  /** Makes the next request as soon as whoever sends this one has to wait. */
  prepare(request: WindowRequest): void;
  /** Windows that are done with since the last call, among them those without samples. */
  finished(): Window[];
  /** A request for samples of the same window that were cut before. */
  again(window: Window, from: number, to: number): WindowRequest;
  /** Ends the making of windows. */
  close(): Promise<void>;
}

/**
 * @param resume Cuts the first window so that its first request is `[from, to)`.
 */
export function createRequestQueue(
  windows: AsyncGenerator<Window, void, undefined>,
  maker: RequestMaker,
  resume?: { readonly from: number; readonly to: number },
): RequestQueue {
  /** Ends of the runs that were halved, the nearest last. */
  const ends: number[] = resume ? [resume.to] : [];
  let finished: Window[] = [];
  /** Windows that are made already, or are being made. */
  const ahead: Promise<IteratorResult<Window, void>>[] = [];

  const prefetch = () => {
    while (ahead.length < WINDOWS_AHEAD) {
      const next = windows.next();
      // Its failure is told to whoever takes it.
      next.catch(() => {});
      ahead.push(next);
    }
  };
  const request = (window: Window, from: number, to: number): WindowRequest => ({
    window,
    from,
    ...maker.make(window.samples, from, to),
  });
  /** What {@link cut} is expected to be asked for next. */
  let ready: WindowRequest | undefined;
  const cut = (window: Window, from: number): WindowRequest => {
    while (ends.length > 0 && ends.at(-1)! <= from) ends.pop();
    if (ready?.window === window && ready.from === from && ends.length === 0) return ready;
    const end = Math.min(ends.at(-1) ?? window.samples.length, blockEndAfter(window, from));
    return { window, from, ...maker.cut(window.samples, from, end) };
  };
  const makeReady = async ({ window, to }: WindowRequest) => {
    await setImmediate();
    const isLast = to === window.samples.length;
    const next = isLast ? (await ahead[0])?.value : window;
    // What was not taken is cut anew, and so is what follows it.
    if (next && next.samples.length > 0 && ends.length === 0) ready = cut(next, isLast ? 0 : to);
  };
  return {
    async after(done) {
      if (done && done.to < done.window.samples.length) return cut(done.window, done.to);
      if (done) {
        finished.push(done.window);
        ends.length = 0;
      }
      for (;;) {
        const { value: window } = await (ahead.shift() ?? windows.next());
        if (!window) return undefined;
        if (window.samples.length > 0 && !done && resume) {
          // Where frames are lost since, the digest tells.
          const to = Math.min(resume.to, window.samples.length);
          return request(window, Math.min(resume.from, to), to);
        }
        if (window.samples.length > 0) return cut(window, 0);
        if (hasNews(window)) finished.push(window);
      }
    },
    halve(whole) {
      ends.push(whole.to);
      ready = undefined;
      return request(whole.window, whole.from, middleOf(whole));
    },
    prefetch,
    prepare(request) {
      // What is wrong shows when the request is asked for.
      makeReady(request).catch(() => {});
    },
    finished() {
      const list = finished;
      finished = [];
      return list;
    },
    again: request,
    async close() {
      await windows.return();
    },
  };
}

function hasNews(window: Window): boolean {
  return window.steps.length > 0 || window.late.length > 0 || window.passed.length > 0;
}

/** What a request's name holds besides the request. */
export interface RequestCircumstances
  extends Pick<NextRequest, "asOfMs" | "forced" | "baseMs" | "inDoubt" | "doubtTo" | "suspects"> {}

/** How the ledger names a request before it is sent. */
export function nameRequest(request: WindowRequest, circumstances: RequestCircumstances): NextRequest {
  const { window, from, to, digest } = request;
  const passed = window.passed.map((ref) => ref.header);
  return {
    frames: framesOf(window),
    passed: withFrames(new Map(), passed),
    settleMs: window.settleMs,
    from,
    to,
    digest,
    blockSamples: window.blockSamples,
    afterMs: from === 0 ? undefined : newestBefore(window, from),
    newestMs: newestBefore(window, to),
    ...circumstances,
  };
}

/** The newest instant of the samples up to this one. */
function newestBefore({ runs }: Window, end: number): number {
  const last = runs.findIndex((run) => run.end >= end);
  return runs.slice(0, last + 1).reduce((newest, { step }) => Math.max(newest, step.atMs), 0);
}

function blockEndAfter({ blockEnds, samples }: Window, index: number): number {
  return blockEnds.find((end) => end > index) ?? samples.length;
}

/** Where the request falls into two: between two instants, where it has several. */
function middleOf({ window, from, to }: WindowRequest): number {
  const middle = from + Math.floor((to - from) / 2);
  const { end } = runOf(window, middle);
  const begin = window.runs[window.runs.findLastIndex((run) => run.end <= middle)]?.end ?? 0;
  const [near, far] = middle - begin <= end - middle ? [begin, end] : [end, begin];
  return [near, far].find((border) => border > from && border < to) ?? middle;
}

/** The request's samples, one by one. */
export function samplesOf({ window, from, to }: WindowRequest): TotalSample[] {
  return Array.from({ length: to - from }, (_, i) => window.samples.at(from + i));
}

/** The run that the sample belongs to. */
export function runOf({ runs }: Window, index: number): Window["runs"][number] {
  let low = 0;
  for (let high = runs.length - 1; low < high; ) {
    const middle = (low + high) >> 1;
    if (runs[middle]!.end > index) high = middle;
    else low = middle + 1;
  }
  return runs[low]!;
}

/** The day file that the sample counts for. */
export function fileOf(window: Window, index: number): string {
  return runOf(window, index).step.file;
}
