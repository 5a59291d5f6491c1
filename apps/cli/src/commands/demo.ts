import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { printDemo } from "../demo/print-demo.ts";
import { type DemoResult, runDemo } from "../demo/run-demo.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

interface DemoOptions {
  readonly keep?: boolean;
}

/**
 * Needs no configuration and no server; without `--dir` or `--keep` it leaves nothing behind.
 *
 * @throws {CliError} With exit 2 where the folder of `--dir` has something in it.
 */
export async function demo(context: Context, { keep = false }: DemoOptions): Promise<ExitCode> {
  const { io, out, source } = context;
  const named = source.dirFlag === undefined ? undefined : resolve(io.cwd, source.dirFlag);
  if (named !== undefined) requireUnused(named);
  const dir = named ?? mkdtempSync(join(io.env["TMPDIR"] || tmpdir(), "promferry-demo-"));
  const isKept = keep || named !== undefined;
  const remove = () => {
    if (!isKept) rmSync(dir, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
  };
  // A second Ctrl-C ends the process on the spot; then this comes after what the collectors still write.
  const removeLast = () => process.off("exit", remove).once("exit", remove);
  removeLast();
  try {
    const result = await runDemo(context, dir, removeLast);
    const isWhole = isReadBack(result);
    out.json(toJson(result, isKept));
    await printDemo(out, result, isKept);
    if (isWhole) return EXIT.ok;
    throw new CliError(EXIT.unavailable, "the demo did not read back what it had sent", {
      hint: "run it with --keep, look into its folder, and please report it",
    });
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/** An earlier demo's orders would be read back with this one's, and a configuration of the user's be written over. */
function requireUnused(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return;
  throw new CliError(EXIT.usage, `${folder} is not empty`, {
    hint: "name a folder that is new or empty: the demo writes a configuration and a journal of its own there",
  });
}

/** Whether every order that the shops took is in the receiver's journal, and every scrape had a page. */
function isReadBack({ orders, ordersRead, report, pageSamples }: DemoResult): boolean {
  return JSON.stringify(orders) === JSON.stringify(ordersRead) && report.verdict === 0 && pageSamples > 0;
}

function toJson(result: DemoResult, isKept: boolean): object {
  const { journal, received, config, orders, ordersRead, pageSamples, pageScrapes, durationMs } = result;
  const { samples, series } = result.back;
  return {
    ...(isKept ? { folders: { journal, received, config } } : {}),
    orders,
    ordersRead,
    page: { samples: pageSamples, scrapes: pageScrapes },
    sent: result.report.destinations.map(({ name, accepted, requests }) => ({ name, accepted, requests })),
    received: { samples, series },
    durationMs: Math.round(durationMs),
  };
}
