/**
 * Heartbeats that arrive one by one at a fixed rate, on PostgreSQL: how long each waits until it is committed.
 *
 * Usage: `node --conditions=@promferry/source src/durable-heartbeats.ts postgres://… [rate] [seconds]`, on an empty
 * database. Default 10,000 a second for 10 seconds, of 100,000 instances.
 */
import { setTimeout as delay } from "node:timers/promises";

interface Heartbeat {
  readonly id: string;
  readonly bootId: string;
  readonly keyHash: string;
}

interface Store {
  import(records: Iterable<object>): Promise<void>;
  renew(batch: readonly Heartbeat[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

const INSTANCES = 100_000;
const KEY = "0".repeat(64);

const [url = "", rateText = "10000", secondsText = "10"] = process.argv.slice(2);
const [rate, seconds] = [Number(rateText), Number(secondsText)];
// The service is a program and exports nothing.
const { openPostgresStore } = (await import(
  new URL("../../apps/target-service/src/stores/index.ts", import.meta.url).href
)) as { openPostgresStore(options: { url: string }): Promise<Store> };
const store = await openPostgresStore({ url });

const importedAt = performance.now();
await store.import(records());
console.log(`import of ${INSTANCES}: ${((performance.now() - importedAt) / 1000).toFixed(1)} s`);

await run(1);
const cpu = process.cpuUsage();
const latencies = await run(seconds);
const { user, system } = process.cpuUsage(cpu);
latencies.sort((a, b) => a - b);
const at = (share: number): string =>
  `${(latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(1)} ms`;
console.log(
  `${latencies.length} heartbeats at ${rate}/s: p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(0.999999)}; ` +
    `own CPU ${((user + system) / 1e6 / seconds).toFixed(2)} cores, load included`,
);
await store.close();

/** Sends at the rate whatever the answers do; gives how long each took, in milliseconds. */
async function run(forSeconds: number): Promise<number[]> {
  const taken: number[] = [];
  const pending: Promise<void>[] = [];
  const began = performance.now();
  for (let sent = 0; sent < rate * forSeconds; ) {
    const due = Math.min(rate * forSeconds, Math.floor(((performance.now() - began) / 1000) * rate));
    for (; sent < due; sent++) {
      // Counted from when it was due, not from when this process came round to it.
      const dueAt = began + (sent / rate) * 1000;
      const id = `i-${(sent * 7_919) % INSTANCES}`;
      pending.push(
        store.renew([{ id, bootId: "boot-1", keyHash: KEY }]).then(([outcome]) => {
          if (outcome !== "renewed") throw new Error(`${id}: expected renewed, found ${outcome}`);
          taken.push(performance.now() - dueAt);
        }),
      );
    }
    await delay(1);
  }
  await Promise.all(pending);
  return taken;
}

function* records(): Generator<object> {
  const header = { kind: "header", format: 1, rev: INSTANCES, purgedRev: 0, historySeq: 0 };
  yield { ...header, storeId: "bench", authoritative: true, sweep: null, fences: {} };
  const now = Date.now();
  const grant = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };
  const place = {
    project: "p-1",
    service: "s-1",
    scope: "default",
    liveness: "heartbeat",
    labels: {},
    grant,
  };
  const life = { state: "active", removedBy: null, bootId: "boot-1", keyHash: KEY };
  for (let i = 0; i < INSTANCES; i++) {
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const times = { stateSince: now, deadline: now + 300_000, createdAt: now, seenAt: now };
    const endpoints = [{ name: "node", address, port: 9100 }];
    yield {
      kind: "instance",
      instance: { ...place, ...life, ...times, id: `i-${i}`, endpoints, rev: i + 1 },
    };
  }
}
