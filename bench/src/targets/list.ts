/** The list of 100,000 targets over HTTP: read from the store, made, made again after changes, from memory, and 304. */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { addressOf, fleetRecords, instanceIds } from "./fleet.ts";
import {
  type Costs,
  PLATFORM,
  type RunningServer,
  type StorePlace,
  startService,
} from "./service-process.ts";
import { median, share } from "./spread.ts";

const COUNT = 100_000;
const REPEATS = 5;
const ASKED = 300;
const SERVED = 20;
/** As many as change within one second of a large roll-out. */
const MANY = 1_000;
/** Longer than a view is used without asking the store. */
const STALE_MS = 1_050;
const PATH = "/v1/sd/prometheus";

export interface Phase {
  /** From the request to the last byte of its answer; the median, where it was repeated. */
  readonly ms: number;
  /** CPU time of the service meanwhile, all threads. */
  readonly cpuMs: number;
  /** Longest turn of the event loop meanwhile, in CPU time of its thread. */
  readonly turnCpuMs: number;
}

export interface ListReport {
  readonly bytes: number;
  readonly read: Phase;
  readonly first: Phase;
  readonly one: Phase;
  readonly many: Phase;
  readonly shard: Phase;
  /** Milliseconds. */
  readonly notModified: { readonly p50: number; readonly p99: number };
  readonly served: { readonly p50: number; readonly longest: number };
  readonly rssMb: number;
  readonly peakRssMb: number;
}

interface Answer {
  readonly status: number;
  readonly etag: string;
  readonly bytes: number;
  readonly ms: number;
}

export async function measureList(store: StorePlace): Promise<ListReport> {
  const ids = instanceIds(COUNT);
  const service = await startService({
    store,
    records: fleetRecords(ids, Date.now()),
    lines: ["rate_limits: {platform: 10000000}"],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const ask = (path: string, etag?: string): Promise<Answer> =>
    call(service, agent, "GET", path, etag === undefined ? {} : { "if-none-match": etag });
  const during = async (work: () => Promise<Answer>): Promise<Phase> => {
    await service.costs();
    const { ms } = await work();
    return { ms, ...(await service.costs()) };
  };
  /** States the first `count` instances, with a label. */
  const state = async (count: number, note: string): Promise<void> => {
    const put = (id: string, i: number): Promise<Answer> => {
      const place = {
        project: `p-${i % 20}`,
        service: `svc-${i % 200}`,
        liveness: "platform",
        labels: { note },
      };
      const endpoints = [{ name: "node", address: addressOf(i) }];
      return call(service, agent, "PUT", `/v1/instances/${id}`, {}, JSON.stringify({ ...place, endpoints }));
    };
    const answers = await Promise.all(ids.slice(0, count).map(put));
    if (answers.some(({ status }) => status !== 200)) throw new Error("expected every PUT to be taken");
  };
  /** Made again while the bytes stay: all of the work, and an answer without a body. */
  const madeAgain = async (count: number): Promise<Phase> => {
    await state(count, "kept");
    await delay(STALE_MS);
    const { etag } = await ask(PATH);
    const phases: Phase[] = [];
    for (let i = 0; i < REPEATS; i++) {
      await state(count, `other-${i}`);
      await state(count, "kept");
      await delay(STALE_MS);
      phases.push(await during(() => expecting(304, ask(PATH, etag))));
    }
    return {
      ms: median(phases.map(({ ms }) => ms)),
      cpuMs: median(phases.map(({ cpuMs }) => cpuMs)),
      turnCpuMs: Math.max(...phases.map(({ turnCpuMs }) => turnCpuMs)),
    };
  };
  try {
    const read = await during(() => expecting(204, ask(`/v1/sd/changes?since=${COUNT}`)));
    // An answer of no body: `*` is any tag.
    const first = await during(() => expecting(304, ask(PATH, "*")));
    const one = await madeAgain(1);
    const many = await madeAgain(MANY);
    const { etag, bytes } = await ask(PATH);
    const shard = await during(() => expecting(304, ask(`${PATH}?shard=0%2F8`, "*")));
    const notModified: number[] = [];
    for (let i = 0; i < ASKED; i++) notModified.push((await expecting(304, ask(PATH, etag))).ms);
    const served: number[] = [];
    for (let i = 0; i < SERVED; i++) served.push((await expecting(200, ask(PATH))).ms);
    const { rssMb, peakRssMb }: Costs = await service.costs();
    return {
      ...{ bytes, read, first, one, many, shard, rssMb, peakRssMb },
      notModified: { p50: share(notModified, 0.5), p99: share(notModified, 0.99) },
      served: { p50: share(served, 0.5), longest: share(served, 1) },
    };
  } finally {
    agent.destroy();
    await service.stop();
  }
}

async function expecting(status: number, asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}`);
  return answer;
}

function call(
  { host, port }: RunningServer,
  agent: Agent,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Answer> {
  const began = performance.now();
  const own = { authorization: `Bearer ${PLATFORM}`, ...(body && { "content-type": "application/json" }) };
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, method, agent, headers: { ...own, ...headers } }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, bytes, etag: headers.etag ?? "", ms: performance.now() - began });
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
