/** A journal written by the real writer, and receivers that do as they are told. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch, Destination, EncodedBatch, Receipt } from "@promferry/core/delivery";
import {
  createJournalWriter,
  type Journal,
  type JournalFs,
  nodeJournalFs,
  openJournal,
} from "@promferry/core/journal";
import type { Projection } from "@promferry/core/merge";
import { createSeriesDictionary, type MetricFamily, type Series } from "@promferry/core/series";
import type { UploadOptions, UploadReport } from "../src/index.ts";
import { upload } from "../src/index.ts";

export const MINUTE = 60_000;
export const HOUR: number = 60 * MINUTE;
export const DAY: number = 24 * HOUR;
/** 2025-10-06, noon. */
export const NOON: number = Date.UTC(2025, 9, 6, 12);

export const asItIs: Projection = ({ name, labels }) => ({ name, labels });

export interface TestBed {
  readonly dir: string;
  readonly journal: Journal;
  /** Now: an hour after the last frame, unless a test sets it. */
  nowMs: number;
  /** Writes one frame; `values` are counters by series, as `name` or `name{label="value"}`. */
  write(session: string, atMs: number, values: Record<string, number> | "start" | "exit"): Promise<void>;
  upload(options: Partial<UploadOptions> & Pick<UploadOptions, "targets">): Promise<UploadReport>;
}

type Cleanup = { onTestFinished(clean: () => Promise<void>): void };

export async function createTestBed(
  { onTestFinished }: Cleanup,
  fs: JournalFs = nodeJournalFs,
): Promise<TestBed> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-uploader-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const writers = new Map<string, ReturnType<typeof createJournalWriter>>();
  const last = new Map<string, Record<string, number>>();
  const bed: TestBed = {
    dir,
    journal: openJournal(dir, { fs, now: () => bed.nowMs }),
    nowMs: NOON,
    async write(session, atMs, values) {
      let writer = writers.get(session);
      if (!writer) {
        const info = { startedMs: atMs, intervalMs: 5 * MINUTE };
        const options = { dir, session, info, origin: "app", consent: "config", dayBoundary: "utc" } as const;
        writer = createJournalWriter({ ...options, now: () => atMs, monotonicMs: () => 0 });
        writers.set(session, writer);
      }
      if (values === "start") await writer.write({ kind: "start", families: [], atMs });
      else {
        const shown = values === "exit" ? (last.get(session) ?? {}) : values;
        last.set(session, shown);
        await writer.write({ kind: "full", families: counters(shown), atMs, exit: values === "exit" });
      }
      bed.nowMs = Math.max(bed.nowMs, atMs + HOUR);
    },
    upload: (options) =>
      upload({
        journal: openJournal(dir, { fs, now: () => bed.nowMs }),
        now: () => bed.nowMs,
        sleep: async (ms) => {
          bed.nowMs += ms;
        },
        random: () => 1,
        ...options,
      }),
  };
  return bed;
}

const dictionary = createSeriesDictionary();

function counters(values: Record<string, number>): MetricFamily[] {
  const families = new Map<string, { readonly series: Series[]; readonly values: number[] }>();
  for (const [text, value] of Object.entries(values)) {
    const [, name = text, label, said = ""] = /^(\w+)\{(\w+)="(\w+)"\}$/.exec(text) ?? [];
    const family = families.get(name) ?? { series: [], values: [] };
    families.set(name, family);
    family.series.push(dictionary.intern(name, label === undefined ? [] : [{ name: label, value: said }]));
    family.values.push(value);
  }
  return Array.from(families, ([name, columns]) => ({
    name,
    type: "counter",
    help: "Counted.",
    unit: "",
    ...columns,
    timestampsMs: columns.values.map(() => Number.NaN),
  }));
}

/** What a scripted receiver does with one batch. */
export type Answer =
  | "take"
  | { readonly error: Error; readonly takes?: boolean }
  | { readonly receipt: (samples: number) => Receipt };

export interface Receiver extends Destination {
  /** Every sample taken, as `name value@time`, in order. */
  readonly samples: string[];
  /** The bodies of every send, whether taken or not. */
  readonly bodies: string[];
}

export interface ReceiverOptions {
  readonly name?: string;
  readonly identity?: string;
  readonly keepsHistory?: boolean;
  readonly maxSamples?: number;
  readonly maxBytes?: number;
  /** What it says of each batch that it keeps out by its own rules. Default: nothing. */
  readonly keptOut?: Pick<EncodedBatch, "refused" | "leftOut">;
  /** Whether `name{label="value"}` stands in the place of a sample's name. Default false. */
  readonly withLabels?: boolean;
  /** Called for each send, counted from 1. Default: takes all. */
  readonly answer?: (n: number, batch: Batch, body: string) => Answer;
}

export function createReceiver(options: ReceiverOptions = {}): Receiver {
  const {
    name = "store",
    keepsHistory = true,
    maxSamples = 1000,
    maxBytes = 1e6,
    keptOut = { refused: [] },
    withLabels = false,
    answer = () => "take",
  } = options;
  const samples: string[] = [];
  const bodies: string[] = [];
  const bodyOf = (batch: Batch) => linesOf(batch, withLabels).join("\n");
  const encode = (batch: Batch): EncodedBatch => ({
    requests: [{ method: "POST", url: "http://127.0.0.1/", headers: {}, body: Buffer.from(bodyOf(batch)) }],
    ...keptOut,
  });
  return {
    name,
    identity: options.identity ?? `fake ${name}`,
    keepsHistory,
    limits: { maxSamples, maxBytes },
    samples,
    bodies,
    encode,
    async send(batch) {
      const body = bodyOf(batch);
      bodies.push(body);
      const given = answer(bodies.length, batch, body);
      if (given === "take") samples.push(...linesOf(batch, withLabels));
      else if ("receipt" in given) return given.receipt(batch.sampleCount);
      else {
        if (given.takes) samples.push(...linesOf(batch, withLabels));
        throw given.error;
      }
      const { refused, leftOut = [] } = keptOut;
      const accepted = [...refused, ...leftOut].reduce((left, { count }) => left - count, batch.sampleCount);
      return { accepted, unknown: 0, ...keptOut };
    },
  };
}

function linesOf(batch: Batch, withLabels: boolean): string[] {
  return batch.series.flatMap(({ series, timestampsMs, values }) => {
    const labels = withLabels ? series.labels.map(({ name, value }) => `{${name}="${value}"}`) : [];
    return timestampsMs.map(
      (at, i) => `${series.name}${labels.join("")} ${values[i] ?? "stale"}@${at - NOON}`,
    );
  });
}
