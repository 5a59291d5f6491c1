/**
 * What a destination must hold after the upload, by the definition and the slow way: for each instant
 * at which a run shows a series, every run is asked again what it had counted by then.
 */

import { INTERVAL_MS, type Run } from "./program.ts";

/** Timestamp in milliseconds and value. */
export type ExpectedSample = readonly [atMs: number, value: number];

/** By series, `version="…"` among its labels. */
export function expectedSamples(runs: readonly Run[]): ReadonlyMap<string, readonly ExpectedSample[]> {
  const expected = new Map<string, ExpectedSample[]>();
  for (const version of new Set(runs.map((run) => run.version))) {
    const own = runs.filter((run) => run.version === version);
    const instants = new Set(own.flatMap((run) => run.frames.map((frame) => frame.atMs)));
    for (const atMs of [...instants].sort((a, b) => a - b)) {
      for (const series of shownAt(own, atMs)) {
        const key = withVersion(series, version);
        const samples = expected.get(key) ?? [];
        expected.set(key, samples);
        if (samples.length === 0 && isCounter(series)) samples.push([frameBefore(own, series, atMs), 0]);
        samples.push([atMs, valueAt(own, series, atMs)]);
      }
    }
  }
  return expected;
}

/** The last state: the totals of the version in use, its gauges where a run shows them at the very end. */
export function expectedLatest(runs: readonly Run[]): ReadonlyMap<string, number> {
  const newest = runs.reduce((a, b) => (b.frames.at(-1)!.atMs > a.frames.at(-1)!.atMs ? b : a));
  const latest = new Map<string, number>();
  for (const [series, samples] of expectedSamples(runs.filter((run) => run.version === newest.version))) {
    const [atMs, value] = samples.at(-1)!;
    if (isCounter(series) || atMs === newest.frames.at(-1)!.atMs) latest.set(series, value);
  }
  return latest;
}

/** Series that end before the last sample, and when: those of the older version, once the newer one goes on alone. */
export function expectedEnds(runs: readonly Run[]): ReadonlyMap<string, number> {
  const version = runs[0]!.version;
  const own = runs.filter((run) => run.version === version);
  const others = runs.filter((run) => run.version !== version).flatMap((run) => run.frames);
  const endMs = Math.min(
    ...others
      .map((frame) => frame.atMs)
      .filter((atMs) => own.every((run) => !isAlive(run, atMs) && run.startedMs < atMs)),
  );
  return new Map([...expectedSamples(own).keys()].map((series) => [series, endMs]));
}

function shownAt(runs: readonly Run[], atMs: number): ReadonlySet<string> {
  return new Set(runs.flatMap((run) => [...(pageAt(run, atMs)?.keys() ?? [])]));
}

function valueAt(runs: readonly Run[], series: string, atMs: number): number {
  if (isCounter(series)) return sum(runs.map((run) => lastFrame(run, atMs)?.page.get(series) ?? 0));
  if (series.startsWith("k1_informer_objects_cached")) {
    return sum(
      runs.filter((run) => isAlive(run, atMs)).map((run) => lastFrame(run, atMs)?.page.get(series) ?? 0),
    );
  }
  const showing = runs.filter((run) => pageAt(run, atMs)?.has(series));
  return pageAt(showing.at(-1)!, atMs)!.get(series)!;
}

/** Of the frame, or the start, that the first run to show the series at `atMs` wrote before. */
function frameBefore(runs: readonly Run[], series: string, atMs: number): number {
  const run = runs.find((each) => pageAt(each, atMs)?.has(series))!;
  const index = run.frames.findIndex((frame) => frame.atMs === atMs);
  return run.frames[index - 1]?.atMs ?? run.startedMs;
}

function isAlive(run: Run, atMs: number): boolean {
  const last = run.frames.at(-1)!;
  if (run.startedMs > atMs) return false;
  return atMs <= last.atMs || (!run.exits && atMs <= last.atMs + 2 * INTERVAL_MS);
}

function pageAt(run: Run, atMs: number) {
  return run.frames.find((frame) => frame.atMs === atMs)?.page;
}

function lastFrame(run: Run, atMs: number) {
  return run.frames.findLast((frame) => frame.atMs <= atMs);
}

function isCounter(series: string): boolean {
  return /^[a-z0-9_]+_(total|bucket|sum|count)(\{|$)/.test(series);
}

function withVersion(series: string, version: string): string {
  return series.endsWith("}")
    ? `${series.slice(0, -1)},version="${version}"}`
    : `${series}{version="${version}"}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
