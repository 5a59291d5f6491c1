/** What the import of the collector costs a program that has its catalogue, and prom-client with it, already. Prints its time. */
import "@promferry/core";
import { stopwatch } from "./thread-time.mjs";

const elapsed = stopwatch();
await import("@promferry/collector");
console.log(JSON.stringify([elapsed()]));
