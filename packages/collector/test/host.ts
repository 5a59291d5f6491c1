/**
 * A program that collects, for the tests of what happens at its end.
 *
 * Usage: `host.ts DIR SCENARIO`. Prints `ready` once its first frame is on the disk, where it waits for that.
 */
import { Counter, Registry } from "prom-client";
import { createCollector } from "../src/index.ts";

const [dir = "", scenario = ""] = process.argv.slice(2);
const registry = new Registry();
const runs = new Counter({ name: "host_runs_total", help: "Runs.", registers: [registry] });
new Counter({ name: "host_idle_total", help: "Never counted.", registers: [registry] });
const collector = createCollector({
  registry,
  dir,
  app: "host",
  consent: { config: { enabled: scenario !== "off" } },
  dayBoundary: "utc",
});

const started = collector.start();
runs.inc(7);

const farewell = (signal: string) => {
  process.stdout.write(`host got ${signal}\n`);
  process.exit(5);
};

async function wait(): Promise<void> {
  await started;
  setInterval(() => undefined, 60_000);
  process.stdout.write("ready\n");
}

const scenarios: Readonly<Record<string, () => unknown>> = {
  end: () => undefined,
  off: () => collector.flush(),
  "exit at once": () => process.exit(3),
  "exit later": async () => {
    await started;
    process.exit(3);
  },
  throw: async () => {
    await started;
    setImmediate(() => {
      throw new Error("the host's own fault");
    });
  },
  stop: async () => {
    await collector.stop();
    process.exit(0);
  },
  wait,
  "listen before": async () => {
    await collector.stop();
    process.on("SIGINT", farewell);
    await collector.start();
    await wait();
  },
  "listen after": async () => {
    await wait();
    process.on("SIGINT", farewell);
    process.stdout.write("listening\n");
  },
  "stop listening": async () => {
    process.on("SIGINT", farewell);
    await started;
    process.off("SIGINT", farewell);
    await wait();
  },
  "many frames": async () => {
    for (let i = 0; i < 40; i++) {
      runs.inc();
      await collector.flush();
    }
  },
};
await scenarios[scenario]!();
