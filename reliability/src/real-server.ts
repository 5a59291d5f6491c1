import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { missingServers, serverProgram } from "../../tools/servers.mjs";
import { demand } from "./fault.ts";
import type { SampleSet } from "./simulation/expected-samples.ts";
import type { TakenRequest } from "./simulation/fault-server.ts";

/** A real receiver of remote write on loopback. */
export interface RealServer {
  readonly name: string;
  /** Passes a request on; its status. 503 while it is starting again. */
  write(request: TakenRequest): Promise<number>;
  /** Ends it and starts it again on its data. */
  restart(): Promise<void>;
  /** @throws {Breach} It holds other samples than these. */
  compare(expected: SampleSet): Promise<void>;
  stop(): Promise<void>;
}

interface Kind {
  readonly name: string;
  readonly program: string;
  readonly readyPath: string;
  /** What it loses when it is killed: VictoriaMetrics keeps seconds of accepted samples in memory and says so. */
  readonly signal: NodeJS.Signals;
  readonly args: (host: string, dir: string) => readonly string[];
  readonly samples: (url: string) => Promise<[id: string, value: number][]>;
}

const KINDS: readonly Kind[] = [
  {
    name: "Prometheus",
    program: "prometheus",
    readyPath: "/-/ready",
    signal: "SIGKILL",
    args: (host, dir) => [
      `--config.file=${join(dir, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=${host}`,
      "--web.enable-remote-write-receiver",
    ],
    async samples(url) {
      const query = encodeURIComponent('{__name__=~"app_.+"}[1d]');
      const answer = await fetch(`${url}/api/v1/query?query=${query}`);
      const { data } = (await answer.json()) as {
        data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
      };
      return data.result.flatMap(({ metric, values }) =>
        values.map(([at, value]): [string, number] => [
          `${textOf(metric)}@${Math.round(at * 1000)}`,
          Number(value),
        ]),
      );
    },
  },
  {
    name: "VictoriaMetrics",
    program: "victoria-metrics",
    readyPath: "/health",
    signal: "SIGTERM",
    args: (host, dir) => [
      `-storageDataPath=${join(dir, "data")}`,
      `-httpListenAddr=${host}`,
      "-retentionPeriod=100y",
      "-memory.allowedBytes=256MB",
    ],
    async samples(url) {
      await fetch(`${url}/internal/force_flush`);
      const query = encodeURIComponent('{__name__=~"app_.+"}');
      const lines = await (await fetch(`${url}/api/v1/export?match[]=${query}`)).text();
      return lines
        .split("\n")
        .filter((line) => line !== "")
        .flatMap((line) => {
          const { metric, values, timestamps } = JSON.parse(line);
          return (values as number[]).map((value, i): [string, number] => [
            `${textOf(metric)}@${timestamps[i]}`,
            value,
          ]);
        });
    },
  },
];

/** Those that can be started; without `start` where the program is not on this machine. */
export function realServers(): readonly { name: string; start?: () => Promise<RealServer> }[] {
  const missing = missingServers();
  return KINDS.map((kind) => {
    if (missing.includes(kind.program)) return { name: kind.name };
    return { name: kind.name, start: () => startReal(kind) };
  });
}

async function startReal(kind: Kind): Promise<RealServer> {
  const dir = await mkdtemp(join(tmpdir(), `promferry-${kind.program}-`));
  const config = { storage: { tsdb: { out_of_order_time_window: "1d" } } };
  await writeFile(join(dir, "prometheus.yml"), JSON.stringify(config));
  const host = `127.0.0.1:${await freePort()}`;
  const url = `http://${host}`;
  let child: ChildProcess;
  let isUp = false;
  const end = async (signal: NodeJS.Signals) => {
    isUp = false;
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.kill(signal);
    await closed;
  };
  const begin = async () => {
    child = spawn(serverProgram(kind.program), kind.args(host, dir), { stdio: "ignore", cwd: dir });
    for (let tries = 0; tries < 600; tries++) {
      const answer = await fetch(url + kind.readyPath).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok) {
        isUp = true;
        return;
      }
      await delay(25);
    }
    throw new Error(`${kind.name} did not start`);
  };
  await begin();
  return {
    name: kind.name,
    async write({ body, headers }) {
      if (!isUp) return 503;
      const passed = Object.entries(headers).filter(([name]) => /^(content-|x-prometheus)/.test(name));
      const init = { method: "POST", body: new Uint8Array(body), headers: passed as [string, string][] };
      const answer = await fetch(`${url}/api/v1/write`, init);
      await answer.arrayBuffer();
      return answer.status;
    },
    async restart() {
      await end(kind.signal);
      await begin();
    },
    async compare(expected) {
      const found = new Map<string, number>();
      for (const [id, value] of await kind.samples(url)) {
        demand(!found.has(id) || found.get(id) === value, `${kind.name} has ${id} with two values`);
        found.set(id, value);
      }
      for (const [id, value] of expected) {
        demand(found.get(id) === value, `${kind.name} has ${id} as ${found.get(id)}, expected ${value}`);
      }
      demand(
        found.size === expected.size,
        `${kind.name} has ${found.size} samples, expected ${expected.size}`,
      );
    },
    async stop() {
      await end("SIGKILL");
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function textOf(metric: Readonly<Record<string, string>>): string {
  const names = Object.keys(metric).filter((name) => name !== "__name__");
  const labels = names.sort().map((name) => `${name}="${metric[name]}"`);
  return `${metric["__name__"]}${labels.length === 0 ? "" : `{${labels.join(",")}}`}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      if (address === null || typeof address === "string") throw new TypeError("expected a TCP address");
      probe.close(() => resolve(address.port));
    });
  });
}
