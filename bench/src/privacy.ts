/**
 * What the privacy filters cost an upload: totals, requests of ten frames, encoded and compressed, of a day of 2,000 series, with the filters
 * and with none but the session's labels, turn by turn. Reading the journal is left out, which only makes the share larger. Exit 1 where
 * it is above the limit. `--rounds N`, default 21.
 */
import { parseArgs } from "node:util";
import type { Catalogue } from "@promferry/core";
import { toBatch } from "@promferry/core/delivery";
import type { Frame } from "@promferry/core/journal";
import { createTotals, type Projection, type TotalSample } from "@promferry/core/merge";
import {
  allowList,
  composeFilters,
  createScanner,
  denyList,
  joinSession,
  ownNames,
  valueScan,
} from "@promferry/privacy";
import { createLabelCache, encodeWriteRequest, snappyjsCodec } from "@promferry/remote-write";
import { median } from "./measure.ts";
import { k1Day } from "./pages/k1-day.ts";

/** Times the time without filters (facts, "Speed"). */
const LIMIT = 1.1;
const FRAMES_A_REQUEST = 10;

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "21" } } });
const days = [...k1Day()];
const info = { startedMs: 0, intervalMs: 300_000, app: "k1", version: "1.14.2", os: "linux", arch: "x64" };
const frames = days.map(
  (families, seq): Frame => ({
    header: {
      session: "3f9c2a17",
      seq,
      writtenMs: families[0]!.timestampsMs[0]!,
      kind: "full",
      origin: "app",
      consent: "config",
      exit: false,
    },
    info,
    families,
    partial: false,
  }),
);
const open = { kind: "open", max: 100 } as const;
const catalogue: Catalogue = {
  v: 1,
  namespace: "k1",
  metrics: days[0]!.map(({ name, type, help }) => ({
    name,
    type: type as "counter" | "gauge" | "histogram",
    help,
    why: "",
    labels: { resource: open, user: open, version: open, os: open, arch: open },
  })),
};
const session = joinSession({ user: "0".repeat(32) });

function upload(project: Projection): number {
  const totals = createTotals({ project });
  const labels = createLabelCache();
  let bytes = 0;
  let samples: TotalSample[] = [];
  for (const [i, frame] of frames.entries()) {
    for (const sample of totals.step([frame])) samples.push(sample);
    if ((i + 1) % FRAMES_A_REQUEST !== 0 && i + 1 < frames.length) continue;
    bytes += snappyjsCodec.compress(encodeWriteRequest(toBatch(samples), labels)).length;
    samples = [];
  }
  return bytes;
}

/** As the first upload of a process: nothing is known yet. */
function filtered(): Projection {
  const scanner = createScanner({ ownNames: ownNames() });
  return composeFilters(allowList(catalogue), denyList(), valueScan({ scanner }), session);
}

function cpuMs(run: () => number): number {
  const before = process.cpuUsage();
  if (run() === 0) throw new Error("nothing was encoded");
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const withFilters = () => upload(filtered());
const without = () => upload(session);
if (withFilters() !== without())
  throw new Error("the filters changed what leaves, so the two can't be compared");
const costs: { readonly on: number[]; readonly off: number[] } = { on: [], off: [] };
for (let round = 0; round < Number(options.rounds); round++) {
  // Whoever comes second finds the caches warm.
  const turns = round % 2 === 0 ? (["on", "off"] as const) : (["off", "on"] as const);
  for (const turn of turns) costs[turn].push(cpuMs(turn === "on" ? withFilters : without));
}
// The least of many: a machine that is shared adds to a run, and takes nothing away.
const [on, off] = [Math.min(...costs.on), Math.min(...costs.off)];
console.log(
  `privacy filters on: ${(on / off).toFixed(3)} × the CPU time without (at most ${LIMIT} ×): least ${on.toFixed(0)} ms against ${off.toFixed(0)} ms, ` +
    `medians ${median(costs.on).toFixed(0)} ms against ${median(costs.off).toFixed(0)} ms of ${options.rounds} rounds`,
);
if (on / off > LIMIT) process.exitCode = 1;
