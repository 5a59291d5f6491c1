/**
 * Measures the target service as issue 5 asks for it. Needs a build of `target-registry` and `target-service`, since what
 * is measured is what is published; PostgreSQL's `initdb` and `postgres`.
 *
 * `--only list,register,heartbeats,burst` takes a part; `--stores sqlite,postgres` (the default) and, for `register`,
 * `memory`; `--rate` and `--seconds` of the heartbeats (10000, 10); `--write` puts the table into README.md.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureBurst } from "./burst.ts";
import { SEED } from "./fleet.ts";
import { measureHeartbeats } from "./heartbeats.ts";
import { type ListReport, measureList, type Phase } from "./list.ts";
import { type JoinCosts, measureRegister } from "./register.ts";
import type { StorePlace } from "./service-process.ts";
import { median } from "./spread.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "list,register,heartbeats,burst" },
    stores: { type: "string", default: "sqlite,postgres" },
    rate: { type: "string", default: "10000" },
    seconds: { type: "string", default: "10" },
    write: { type: "boolean", default: false },
  },
});
const wanted = options.only.split(",");
const stores = options.stores.split(",");

interface Row {
  readonly what: string;
  readonly store: string;
  readonly target: string;
  readonly measured: string;
}

const rows: Row[] = [];
const add = (store: string, what: string, target: string, measured: string): void => {
  rows.push({ what, store, target, measured });
  console.log(`${store}: ${what}: ${measured} (${target || "no target"})`);
};

for (const store of stores) {
  if (wanted.includes("list") && store !== "memory") {
    await withStores(store, async ([place]) => {
      const list = await measureList(place);
      add(store, "read 100,000 instances when the service starts", "", phase(list.read));
      add(
        store,
        `first list, ${(list.bytes / 1e6).toFixed(1)} MB`,
        "100 ms, turns of 15 ms",
        phase(list.first),
      );
      add(store, "the list again, 1 instance changed", "100 ms, turns of 15 ms", phase(list.one));
      add(store, "the list again, 1,000 instances changed", "100 ms, turns of 15 ms", phase(list.many));
      add(store, "first list of a shard, 0/8", "100 ms, turns of 15 ms", phase(list.shard));
      add(store, "304", "below 1 ms", `p50 ${ms(list.notModified.p50)}, p99 ${ms(list.notModified.p99)}`);
      const { p50, longest } = list.served;
      add(store, "200 from memory, to the last byte", "", `p50 ${ms(p50)}, longest ${ms(longest)}`);
      add(store, "memory after all that", "300 MB", memory(list));
    });
  }
  if (wanted.includes("register")) {
    await withStores(store, async (places) => {
      const { ours, bare } = await measureRegister(places);
      const cpu = (all: readonly JoinCosts[]): number => median(all.map(({ cpuUs }) => cpuUs));
      const rate = (all: readonly JoinCosts[]): number => median(all.map(({ perSecond }) => perSecond));
      const raw = (all: readonly JoinCosts[]): string => all.map(({ cpuUs }) => cpuUs.toFixed(0)).join(" ");
      add(
        store,
        "join against bare `node:http`, CPU time",
        "0.85",
        `**${(cpu(bare) / cpu(ours)).toFixed(2)}**: ${raw(ours)} µs against ${raw(bare)} µs`,
      );
      const [own, other] = [rate(ours), rate(bare)].map((each) => `${each.toFixed(0)}/s`);
      add(
        store,
        "the same, by the clock",
        "0.85",
        `**${(rate(ours) / rate(bare)).toFixed(2)}**: ${own} against ${other}`,
      );
    });
  }
  if (wanted.includes("heartbeats") && store !== "memory") {
    await withStores(store, async ([place]) => {
      const report = await measureHeartbeats(place, Number(options.rate), Number(options.seconds));
      const achieved = report.sent / report.seconds;
      const codes = Object.entries(report.statuses).map(([status, count]) => `${count} × ${status}`);
      const { p50, p99, longest, serviceCores, cores, rssMb } = report;
      add(
        store,
        `heartbeats, ${options.rate}/s asked for`,
        store === "postgres" ? "10,000/s, p99 below 100 ms" : "",
        `${achieved.toFixed(0)}/s, p50 ${ms(p50)}, p99 ${ms(p99)}, longest ${ms(longest)}; ${codes.join(", ")}; service ` +
          `${serviceCores.toFixed(2)} cores, ${rssMb.toFixed(0)} MiB, load ${cores.toFixed(2)} cores`,
      );
    });
  }
  if (wanted.includes("burst") && store !== "memory") {
    await withStores(store, async ([place]) => {
      const { seconds, statuses } = await measureBurst(place);
      const codes = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`);
      add(
        store,
        "1,000 instances join at once",
        "10 s, no 5xx",
        `${seconds.toFixed(2)} s, ${codes.join(", ")}`,
      );
    });
  }
}
if (options.write) write();

/** Two empty stores of a kind. */
async function withStores(
  kind: string,
  work: (places: readonly [StorePlace, StorePlace]) => Promise<void>,
): Promise<void> {
  if (kind === "memory" || kind === "sqlite") return work([{ kind }, { kind }]);
  if (kind !== "postgres") throw new Error(`expected sqlite, postgres or memory, got ${kind}`);
  const { startPostgres } = (await import(
    new URL("../../../e2e/harness/postgres.ts", import.meta.url).href
  )) as { startPostgres(): Promise<{ readonly url: string; stop(): Promise<void> }> };
  const [one, two] = [await startPostgres(), await startPostgres()];
  try {
    await work([
      { kind, url: one.url },
      { kind, url: two.url },
    ]);
  } finally {
    await one.stop();
    await two.stop();
  }
}

function memory({ rssMb, peakRssMb }: ListReport): string {
  return `${rssMb.toFixed(0)} MiB, peak ${peakRssMb.toFixed(0)} MiB`;
}

function phase({ ms: took, cpuMs, turnCpuMs }: Phase): string {
  return `${ms(took)}, CPU ${ms(cpuMs)}, longest turn ${ms(turnCpuMs)}`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function write(): void {
  const path = new URL("../../README.md", import.meta.url);
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`;
  const circumstances = `Commit ${commit}, Node ${process.version}, ${machine}, seed ${SEED}, load at the end ${loadavg()[0]?.toFixed(1)}.`;
  const lines = rows.map(
    ({ store, what, target, measured }) => `| ${store} | ${what} | ${target} | ${measured} |`,
  );
  const table = ["| store | what | target | measured |", "|---|---|---|---|", ...lines].join("\n");
  const text = readFileSync(path, "utf8").replace(
    /(<!-- targets -->\n)[\s\S]*(<!-- \/targets -->)/,
    (_, begin: string, end: string) => `${begin}\n${circumstances}\n\n${table}\n\n${end}`,
  );
  writeFileSync(path, text);
}
