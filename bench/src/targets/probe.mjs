/**
 * Loaded into the measured process before its program (`--import`): watches the turns of its event loop, and tells what it
 * has cost when it is asked over the channel to its parent. A plain script: types would have to be stripped in the process.
 */
import { readFileSync } from "node:fs";

/**
 * @typedef {object} Costs
 * @property {number} turnMs Longest turn of the event loop since the last question, by the clock.
 * @property {number} turnCpuMs The same by the CPU time of the loop's thread.
 * @property {number} cpuMs CPU time of all threads since the last question.
 * @property {number} rssMb
 * @property {number} peakRssMb Since the process began.
 */

/** Milliseconds between two turns that are watched; what blocks the loop makes the wait longer. */
const WATCH_MS = 1;

let [turnMs, turnCpuMs] = [0, 0];
let seenAt = performance.now();
let seenCpu = process.threadCpuUsage();
let cpu = process.cpuUsage();

const watch = () => {
  const used = process.threadCpuUsage(seenCpu);
  const now = performance.now();
  turnMs = Math.max(turnMs, now - seenAt - WATCH_MS);
  turnCpuMs = Math.max(turnCpuMs, (used.user + used.system) / 1_000);
  [seenAt, seenCpu] = [now, process.threadCpuUsage()];
};

process.on("message", (question) => {
  if (question !== "costs") return;
  watch();
  const { user, system } = process.cpuUsage(cpu);
  /** @type {Costs} */
  const costs = {
    ...{ turnMs, turnCpuMs, cpuMs: (user + system) / 1_000, rssMb: process.memoryUsage.rss() / 2 ** 20 },
    peakRssMb: peakRss(),
  };
  process.send?.(costs);
  [turnMs, turnCpuMs] = [0, 0];
  cpu = process.cpuUsage();
});
process.channel?.unref();
setInterval(watch, WATCH_MS).unref();

function peakRss() {
  const [, kilobytes = "NaN"] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kilobytes) / 1_024;
}
