import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { stopCode } from "../report-error.ts";
import { collectPages, type WrittenScrape } from "../scrape/collect-pages.ts";
import type { ScrapedPage } from "../scrape/scraped-page.ts";
import { parseTargets } from "../scrape/target.ts";

interface CollectOptions {
  readonly once?: boolean;
  /** Milliseconds. */
  readonly interval: number;
  /** Milliseconds. */
  readonly timeout: number;
  readonly job: string;
}

/** A page that can't be had is told and tried again; with `--once` it is exit 69. */
export async function collect(
  context: Context,
  { once = false, interval, timeout, job }: CollectOptions,
  urls: readonly string[],
): Promise<ExitCode> {
  const { io, out } = context;
  const targets = parseTargets(urls, job);
  const { dir, metrics } = await context.settings();
  const failed: ScrapedPage[] = [];

  const onScrape = (written: WrittenScrape) => {
    const { page, file } = written;
    const { target, sampleCount, leftOut, durationMs, error } = page;
    if (error !== undefined && once) failed.push(page);
    else if (error !== undefined) out.note(`${target.url}: ${error}; tried again in time`);
    if (leftOut > 0) out.note(`${target.url}: ${leftOut} samples have times that a journal can't hold`);
    out.json({
      url: target.url,
      file: join(dir, file),
      samples: sampleCount,
      leftOut,
      durationMs,
      ...(error ? { error } : {}),
    });
    const line = `${target.url}: ${sampleCount} samples in ${Math.round(durationMs)} ms, written to ${join(dir, file)}`;
    if (once && error === undefined) out.line(line);
    else out.progress(line);
  };
  if (!once) out.note(`writing to ${dir}; Ctrl-C ends it`);
  const { day_boundary: dayBoundary } = metrics;
  const { signal, now } = io;
  const intervalMs = interval;
  try {
    await collectPages({
      dir,
      targets,
      intervalMs,
      timeoutMs: timeout,
      dayBoundary,
      once,
      signal,
      now,
      onScrape,
    });
  } catch (error) {
    // Stopping is how a collection ends.
    if (signal.aborted) return stopCode(signal.reason);
    throw error;
  }

  if (failed.length === 0) return EXIT.ok;
  const reasons = failed.map(({ target, error }) => `${target.url} can't be scraped: ${error}`);
  throw new CliError(EXIT.unavailable, reasons.join("\n"), {
    hint: "check that it runs and that the address is right; the journal says `up 0` for now",
  });
}
