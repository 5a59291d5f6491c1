/** Sends heartbeats at a fixed rate whatever the answers do; a process of its own. Prints what came of it as JSON. */
import { setTimeout as delay } from "node:timers/promises";
import { BOOT, instanceIds, KEY } from "./fleet.ts";
import { type Connection, openConnection, requestText } from "./http-connection.ts";

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  readonly instances: number;
  readonly connections: number;
  /** Heartbeats a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Seconds before that, which do not count. */
  readonly warmUp: number;
}

export interface LoadReport {
  readonly sent: number;
  readonly seconds: number;
  /** How often each status came. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Milliseconds from when each was due, not from when this process came round to it. */
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** CPU time of this process for each second. */
  readonly cores: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as LoadOptions;
const ids = instanceIds(options.instances);
const body = JSON.stringify({ boot_id: BOOT });
const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
const textOf = (n: number): string =>
  requestText(`POST /v1/instances/${ids[(n * 7_919) % ids.length]}/heartbeat`, headers, body);
const connections = await Promise.all(
  Array.from({ length: options.connections }, () => openConnection(options.host, options.port)),
);

await run(options.warmUp, 0);
const cpu = process.cpuUsage();
const report = await run(options.seconds, options.warmUp * options.rate);
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({ ...report, cores: (user + system) / 1e6 / report.seconds } satisfies LoadReport),
);
for (const connection of connections) connection.close();

async function run(seconds: number, first: number): Promise<Omit<LoadReport, "cores">> {
  const { rate } = options;
  const count = rate * seconds;
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  const free: Connection[] = [...connections];
  let [next, open] = [0, 0];
  const began = performance.now();
  const work = async (connection: Connection): Promise<void> => {
    open += 1;
    while (next < dueNow()) {
      const n = next++;
      const { status } = await connection.send(textOf(first + n));
      latencies.push(performance.now() - began - (n / rate) * 1_000);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    open -= 1;
    free.push(connection);
  };
  const dueNow = (): number => Math.min(count, ((performance.now() - began) / 1_000) * rate);
  const pending: Promise<void>[] = [];
  while (next < count) {
    for (let due = Math.ceil(dueNow()) - next; due > 0 && free.length > 0; due--)
      pending.push(work(free.pop()!));
    await delay(1);
  }
  while (open > 0) await delay(1);
  await Promise.all(pending);
  const took = (performance.now() - began) / 1_000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(count - 1, Math.floor(share * count))] ?? Number.NaN;
  return { sent: count, seconds: took, statuses, p50: at(0.5), p99: at(0.99), longest: at(1) };
}
