/** Joins over HTTP, one each of many instances: the service against bare `node:http` with the same checks on the same store. */
import { joinBody, joiners, tokenRecords } from "./fleet.ts";
import { openConnection, requestText } from "./http-connection.ts";
import { PLATFORM, type RunningServer, type StorePlace, startBare, startService } from "./service-process.ts";

/** Joins of one turn of one server. */
const TURN = 2_000;
const ROUNDS = 5;
const WARM_UP = 2;
const CONNECTIONS = 64;
const MINT_LIMIT = "rate_limits: {platform: 10000000}";

export interface JoinCosts {
  /** CPU time of the server for each join, all threads, in microseconds. */
  readonly cpuUs: number;
  /** Joins a second, by the clock. */
  readonly perSecond: number;
}

export interface RegisterReport {
  readonly ours: readonly JoinCosts[];
  readonly bare: readonly JoinCosts[];
}

/** @param stores One for each server. */
export async function measureRegister(stores: readonly [StorePlace, StorePlace]): Promise<RegisterReport> {
  const count = TURN * (ROUNDS + WARM_UP);
  const inMemory = stores[0].kind === "memory";
  const [own, other] = [joiners(count, 0, Date.now()), joiners(count, count, Date.now())];
  const ours = await startService(
    inMemory ? { store: stores[0], lines: [MINT_LIMIT] } : { store: stores[0], records: tokenRecords(own) },
  );
  const bare = await startBare({ store: stores[1], records: tokenRecords(other) });
  try {
    const bodies = {
      ours: inMemory ? await mintOverHttp(ours, count) : own.map(({ body }) => body),
      bare: other.map(({ body }) => body),
    };
    const report = { ours: [] as JoinCosts[], bare: [] as JoinCosts[] };
    for (let round = 0; round < ROUNDS + WARM_UP; round++) {
      for (const [name, server] of Object.entries({ ours, bare }) as ["ours" | "bare", RunningServer][]) {
        const costs = await joinAll(server, bodies[name].slice(round * TURN, (round + 1) * TURN));
        if (round >= WARM_UP) report[name].push(costs);
      }
    }
    return report;
  } finally {
    await ours.stop();
    await bare.stop();
  }
}

async function joinAll(server: RunningServer, bodies: readonly string[]): Promise<JoinCosts> {
  const headers = { "content-type": "application/json" };
  await server.costs();
  const began = performance.now();
  await sendAll(
    server,
    bodies.map((body) => requestText("POST /v1/join", headers, body)),
  );
  const seconds = (performance.now() - began) / 1_000;
  const { cpuMs } = await server.costs();
  return { cpuUs: (cpuMs * 1_000) / bodies.length, perSecond: bodies.length / seconds };
}

/** @throws {Error} When one is answered with anything but 201. */
async function sendAll(server: RunningServer, requests: readonly string[]): Promise<readonly string[]> {
  const answers: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const connection = await openConnection(server.host, server.port);
    while (next < requests.length) {
      const n = next++;
      const { status, text } = await connection.send(requests[n]!);
      if (status !== 201) throw new Error(`expected 201, got ${text.slice(0, 400)}`);
      answers[n] = text;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return answers;
}

/** A store in memory begins with the service: its tokens are made as a platform makes them. */
async function mintOverHttp(server: RunningServer, count: number): Promise<readonly string[]> {
  const body = JSON.stringify({
    project: "p-1",
    service: "svc-1",
    ranges: ["10.0.0.0/8"],
    endpoints: ["node"],
  });
  const headers = { authorization: `Bearer ${PLATFORM}`, "content-type": "application/json" };
  const request = requestText("POST /v1/join-tokens", headers, body);
  const answers = await sendAll(
    server,
    Array.from({ length: count }, () => request),
  );
  return answers.map((text, i) => {
    const { token } = JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) as { token: string };
    return joinBody(token, i);
  });
}
