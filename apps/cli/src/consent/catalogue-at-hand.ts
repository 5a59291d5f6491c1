import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Catalogue, CatalogueError, catalogueFromJson } from "@promferry/core/catalogue";
import { type FrameRef, type JournalIndex, openJournal } from "@promferry/core/journal";
import { readConsent } from "@promferry/privacy";
import { CliError } from "../cli-error.ts";
import type { Settings } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { findCatalogue } from "../upload/find-catalogue.ts";

/** What a program says that it collects. */
export interface CatalogueAtHand {
  /** Absent for a program that has none: it collects whatever it registers. */
  readonly catalogue: Catalogue | undefined;
  /** Where it was found, for people. */
  readonly from: string;
  /** The program's newest frame with samples, where the journal has one. */
  readonly newest: FrameRef | undefined;
}

/**
 * The catalogue of the program whose journal this is: the file that was named, else the one of the newest session,
 * else the newest that lies there, else the one that was agreed to.
 *
 * @param index Default: made anew.
 * @returns Undefined where nothing is known of a program.
 * @throws {CliError} The file that was named is no catalogue.
 */
export async function catalogueAtHand(
  context: Context,
  { dir }: Pick<Settings, "dir">,
  { file, index }: { readonly file?: string | undefined; readonly index?: JournalIndex } = {},
): Promise<CatalogueAtHand | undefined> {
  const { frames } = index ?? (await openJournal(dir, { now: context.io.now }).index());
  const own = frames.filter(({ header }) => header.origin === "app");
  const newest = own.filter(({ sampleCount }) => sampleCount > 0).at(-1);
  if (file !== undefined) {
    const path = resolve(context.io.cwd, file);
    return { catalogue: readCatalogue(path), from: path, newest: undefined };
  }
  const digest = own.at(-1)?.info.catalog;
  const named = digest === undefined ? undefined : findCatalogue(dir, digest);
  if (named) return { catalogue: named, from: join(dir, `catalog-${digest}.json`), newest };
  if (own.length > 0 && digest === undefined) return { catalogue: undefined, from: dir, newest };
  const lying = newestCatalogue(dir);
  if (lying) return { ...lying, newest: undefined };
  const stored = readConsent(dir);
  const agreed = stored.kind === "decided" ? stored.record.agreed : undefined;
  return agreed && { catalogue: agreed, from: join(dir, "consent.json"), newest: undefined };
}

/** @throws {CliError} Nothing is known of a program; says what to do. */
export function demandCatalogue(
  found: CatalogueAtHand | undefined,
  { dir }: Pick<Settings, "dir">,
): CatalogueAtHand {
  if (found) return found;
  throw new CliError(EXIT.usage, `there is no catalogue in ${dir} that would say what a program collects`, {
    hint:
      "name the program's journal with --dir, or its catalogue with --catalog FILE; a run with its flag\n" +
      "--enable-metrics-collection leaves one, too. What `collect` and `agent` scrape needs no consent",
  });
}

function readCatalogue(path: string): Catalogue {
  const text = readFileSync(path, "utf8");
  try {
    return catalogueFromJson(text);
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error;
    throw new CliError(EXIT.usage, `${path} is no catalogue: ${error.problems.slice(0, 5).join("; ")}`, {
      hint: "a program writes one with `catalogueToJson` of @promferry/core; its collector leaves catalog-….json in the journal",
    });
  }
}

function newestCatalogue(dir: string): { catalogue: Catalogue; from: string } | undefined {
  let names: string[];
  try {
    names = readdirSync(dir).filter((name) => /^catalog-[0-9a-f]{8}\.json$/.test(name));
  } catch {
    return undefined;
  }
  const byAge = names
    .map((name) => ({ path: join(dir, name), ms: statSync(join(dir, name)).mtimeMs }))
    .sort((a, b) => b.ms - a.ms);
  for (const { path } of byAge) {
    try {
      return { catalogue: catalogueFromJson(readFileSync(path, "utf8")), from: path };
    } catch {
      // Damaged, or of a later version: an older one may say more.
    }
  }
  return undefined;
}
