import { execFileSync } from "node:child_process";
import { openSync, unlinkSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { arch, cpus, release, type as systemType, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serverVersions } from "../../tools/servers.mjs";
import type { FaultResult } from "./run-fault.ts";
import type { MutantResult } from "./run-mutants.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const RECORD = join(DOCS, "reliability.json");
const LOCK = `${RECORD}.lock`;
const LOCK_TRIES = 200;

/** Under which circumstances a row was run. */
export interface RunFacts {
  /** `2026-11-21` */
  readonly date: string;
  /** With a plus sign where the sources had been changed since. */
  readonly commit: string;
  readonly seed: string;
  readonly machine: string;
  readonly servers: string;
}

/** One fault as it was run last. */
export interface RowRecord extends RunFacts {
  readonly amount: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly notShown: readonly string[];
  readonly breaches: readonly string[];
  readonly seconds: number;
}

export interface MutantRecord extends RunFacts {
  readonly fault: string;
  /** Absent where it was not found. */
  readonly breach?: string;
}

/** What was run last, by name of fault and of mutant: the content of `docs/reliability.json`. */
export interface RunRecord {
  readonly rows: Readonly<Record<string, RowRecord>>;
  readonly mutants: Readonly<Record<string, MutantRecord>>;
}

/** The record with these results in the place of earlier ones. Several runs may record at the same time. */
export async function recordResults(
  facts: RunFacts,
  results: readonly FaultResult[],
  mutants: readonly MutantResult[],
): Promise<RunRecord> {
  await lock();
  try {
    const text = await readFile(RECORD, "utf8").catch(() => '{"rows":{},"mutants":{}}');
    const before = JSON.parse(text) as RunRecord;
    const record: RunRecord = {
      rows: {
        ...before.rows,
        ...Object.fromEntries(results.map((each) => [each.fault.name, rowOf(each, facts)])),
      },
      mutants: { ...before.mutants, ...Object.fromEntries(mutants.map((each) => mutantOf(each, facts))) },
    };
    await replace(RECORD, `${JSON.stringify(record, undefined, 2)}\n`);
    return record;
  } finally {
    unlinkSync(LOCK);
  }
}

/** Puts the page beside the record. */
export async function writePage(page: string): Promise<void> {
  await replace(join(DOCS, "reliability.md"), page);
}

function rowOf({ amount, figures, notShown, breaches, tookMs }: FaultResult, facts: RunFacts): RowRecord {
  return {
    ...facts,
    amount,
    figures: Object.fromEntries(figures),
    notShown,
    breaches: breaches.map((each) => each.slice(0, 200)),
    seconds: Math.round(tookMs / 1000),
  };
}

function mutantOf({ mutant, breach }: MutantResult, facts: RunFacts): [string, MutantRecord] {
  const { name, fault } = mutant;
  return [name, { ...facts, fault, ...(breach === undefined ? {} : { breach: breach.slice(0, 140) }) }];
}

/** As things are now; asked for before a run, since the sources may change while it lasts. */
export async function runFacts(seed: string): Promise<RunFacts> {
  const versions = await serverVersions();
  const [cpu] = cpus();
  const node = `Node ${process.versions.node}`;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitNow(),
    seed,
    machine: `${systemType()} ${release().split("-")[0]}, ${arch()}, ${cpus().length} × ${cpu?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${node}`,
    servers: ["prometheus", "victoria-metrics"]
      .map((name) => `${name} ${versions[name] ?? "absent"}`)
      .join(", "),
  };
}

/** Of a copy without git's folder nobody knows. */
function commitNow(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: DOCS, encoding: "utf8", stdio: "pipe" });
  try {
    const changed = git("status", "--porcelain", "--", ":/", ":(exclude,top)docs/reliability.*");
    return `${git("rev-parse", "--short=9", "HEAD").trim()}${changed === "" ? "" : "+"}`;
  } catch {
    return "?";
  }
}

async function lock(): Promise<void> {
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    try {
      openSync(LOCK, "wx");
      return;
    } catch {
      await delay(50);
    }
  }
  throw new Error(`${LOCK} is there; remove it if no other run is under way`);
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.${process.pid}.tmp`, text);
  await rename(`${path}.${process.pid}.tmp`, path);
}
