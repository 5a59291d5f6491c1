/** A directory of segments and a shipper at work in it, with clocks that run a hundred times as fast. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  createJournalWriter,
  createSegments,
  type JournalWriter,
  segmentsAmong,
} from "@promferry/core/journal";
import { createSeriesDictionary, type MetricFamily } from "@promferry/core/series";
import { nodeUploadFs, type ShipEvent, type ShipOptions, type Shipper, startShipper } from "../src/index.ts";
import { asItIs, NOON, type Receiver } from "./harness.ts";

const SPEED = 100;

export interface ShipBed {
  readonly dir: string;
  readonly events: ShipEvent[];
  now(): number;
  /** Writes a frame of a scraped page: gauges by name, the instance is the session. */
  scrape(session: string, values: Readonly<Record<string, number>>, options?: ScrapeOptions): Promise<string>;
  /** A shipper that is ended with the test. */
  ship(receivers: readonly Receiver[], options?: Partial<ShipOptions>): Shipper;
  segments(): Promise<string[]>;
}

export interface ScrapeOptions {
  /** Of all samples. Default: the frame's time. */
  readonly timestampMs?: number;
  readonly exit?: boolean;
}

type Cleanup = { onTestFinished(clean: () => Promise<void>): void };

export async function createShipBed({ onTestFinished }: Cleanup, segmentBytes = 1_000): Promise<ShipBed> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-ship-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const began = performance.now();
  const now = () => NOON + Math.floor((performance.now() - began) * SPEED);
  const segments = createSegments({ dir, maxBytes: segmentBytes, dayBoundary: "utc" });
  const writers = new Map<string, JournalWriter>();
  const dictionary = createSeriesDictionary();
  const events: ShipEvent[] = [];
  return {
    dir,
    events,
    now,
    async scrape(session, values, { timestampMs = Number.NaN, exit = false } = {}) {
      let writer = writers.get(session);
      if (!writer) {
        const common = {
          dir,
          session,
          origin: "scrape",
          consent: "user",
          info: { intervalMs: 1000 },
        } as const;
        writer = createJournalWriter({
          ...common,
          dayBoundary: "utc",
          segments,
          now,
          monotonicMs: () => now(),
        });
        writers.set(session, writer);
      }
      const families = Object.entries(values).map(([name, value]): MetricFamily => {
        const series = [dictionary.intern(name, [{ name: "instance", value: session }])];
        return {
          name,
          type: "gauge",
          help: "",
          unit: "",
          series,
          values: [value],
          timestampsMs: [timestampMs],
        };
      });
      return (await writer.write({ kind: "full", families, exit })).file;
    },
    ship(receivers, options = {}) {
      const shipper = startShipper({
        dir,
        targets: receivers.map((destination) => ({ destination, project: asItIs })),
        fs: nodeUploadFs,
        now,
        sleep: async (ms, signal) => void (await delay(ms / SPEED, undefined, signal && { signal })),
        random: () => 1,
        onEvent: (event) => void events.push(event),
        ...options,
      });
      onTestFinished(() => shipper.stop(AbortSignal.abort()));
      return shipper;
    },
    segments: async () => segmentsAmong(await readdir(dir)),
  };
}
