/**
 * A program that collects, for the tests of what happens at its end.
 *
 * Usage: `host.ts DIR SCENARIO [own]`; with `own` it has listeners of its own for every way out. Prints `ready` once its first frame is on the disk, where it waits for that.
 */
import cluster, { type Worker as ClusterWorker } from "node:cluster";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { writeConsent } from "@promferry/privacy";
import { Counter, Gauge, Registry } from "prom-client";
import { createCollector, inWorker } from "../src/index.ts";

const [dir = "", scenario = "", own = ""] = process.argv.slice(2);
const registry = new Registry();
const runs = new Counter({ name: "host_runs_total", help: "Runs.", registers: [registry] });
new Counter({ name: "host_idle_total", help: "Never counted.", registers: [registry] });
const collector = createCollector({
  registry,
  dir,
  app: "host",
  consent: { config: { enabled: scenario !== "off" } },
  dayBoundary: "utc",
  ...(scenario === "maintained" && {
    random: () => 0,
    maintain: () => inWorker(new URL("endless.ts", import.meta.url), dir),
  }),
});

const started = collector.start();
runs.inc(7);

const farewell = (signal: string) => {
  process.stdout.write(`host got ${signal}\n`);
  process.exit(5);
};

if (own !== "") {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => farewell(signal));
  process.on("uncaughtException", () => process.exit(6));
  process.on("unhandledRejection", () => process.exit(7));
  process.on("exit", () => process.stdout.write("host is at its end\n"));
}

const PARTS = ["100", "200", "300"];

function startThreads(ending: string): Worker[] {
  const part = new URL("part.ts", import.meta.url);
  return PARTS.map((count) => new Worker(part, { argv: [dir, count, ending] }));
}

async function runThreads(ending: string): Promise<void> {
  await Promise.all(startThreads(ending).map((worker) => once(worker, "exit")));
}

async function runCluster(end: (worker: ClusterWorker) => void): Promise<void> {
  const exec = fileURLToPath(new URL("part.ts", import.meta.url));
  await Promise.all(
    PARTS.map(async (count) => {
      cluster.setupPrimary({ exec, args: [dir, count, "wait"] });
      const worker = cluster.fork();
      await once(worker, "message");
      end(worker);
      await once(worker, "exit");
    }),
  );
}

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
  "disable and exit": async () => {
    await started;
    await writeConsent(dir, { choice: "disabled", decidedAtMs: Date.now(), decidedBy: "the host's test" });
    process.exit(3);
  },
  throw: async () => {
    await started;
    setImmediate(() => {
      throw new Error("the host's own fault");
    });
  },
  reject: async () => {
    await started;
    void Promise.reject(new Error("the host's own fault"));
  },
  "survive an exception": async () => {
    process.on("uncaughtException", () => runs.inc());
    await started;
    setImmediate(() => {
      throw new Error("the host's own fault");
    });
  },
  /** Ends while its folder is being looked after, in a thread that never comes to an end. */
  maintained: async () => {
    const begun = join(dir, "begun");
    while (!existsSync(begun)) await setTimeout(5);
  },
  threads: () => runThreads("end"),
  "threads exit": () => runThreads("exit"),
  "threads terminated": async () => {
    const workers = startThreads("wait");
    await Promise.all(workers.map((worker) => once(worker, "message")));
    await Promise.all(workers.map((worker) => worker.terminate()));
  },
  cluster: () => runCluster((worker) => worker.disconnect()),
  "cluster signal": () => runCluster((worker) => worker.process.kill("SIGTERM")),
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
  /** Measures by what keeps no process alive. */
  "collect slowly": async () => {
    new Gauge({
      name: "slow",
      help: "Known late.",
      registers: [registry],
      async collect() {
        this.set(await setTimeout(50, 42, { ref: false }));
      },
    });
    await started;
    await collector.stop();
    process.stdout.write("stopped\n");
  },
  /** Three collectors in one process, of a registry each. */
  several: async () => {
    for (const app of ["first", "second"]) {
      const own = new Registry();
      const registers = [own];
      new Counter({ name: "host_runs_total", help: "Runs.", registers }).inc(app === "first" ? 100 : 200);
      await createCollector({
        registry: own,
        dir,
        app,
        consent: { config: { enabled: true } },
        dayBoundary: "utc",
      }).start();
    }
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
