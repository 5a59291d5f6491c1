/** What a faulty list costs Prometheus and vmagent that run the generated job: every row of targets.md 2, each as a job of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_POLICY, type EndpointKind } from "@promferry/target-registry";
import { renderScrapeConfig } from "@promferry/target-registry/render";
import { expect, type TestContext, test } from "vitest";
import { requireServer, startPrometheus, startVmagent } from "./harness/index.ts";
import { LIST, LIST_FAULTS, type ListFault, listOf } from "./targets/list-faults.ts";
import { serveOn } from "./targets/loopback.ts";
import { activeTargets, until } from "./targets/scraper.ts";

/** Nobody listens there, and nobody needs to be asked. */
const KIND: EndpointKind = { ...DEFAULT_POLICY.endpoints[0]!, intervalMs: 3_600_000 };
const AFTER = listOf("127.34.0.1:9100", "127.34.0.2:9100", "127.34.0.3:9100");
const TARGETS_OF: Readonly<Record<ListFault["prometheus"], number>> = { kept: 2, lost: 0 };

type Phase = "before" | "faulty" | "after";

interface Injector {
  phase: Phase;
  /** Requests of each job while it is faulty. */
  readonly asked: Map<string, number>;
  /** File with one job for each fault. */
  readonly configFile: string;
  /** Cuts the connections on which nothing comes any more. */
  readonly release: () => void;
}

async function startInjector(context: TestContext, faults: readonly ListFault[]): Promise<Injector> {
  const dir = await mkdtemp(join(tmpdir(), "consumers-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const stalled = new Set<ServerResponse>();
  const injector: Injector = {
    phase: "before",
    asked: new Map(),
    configFile: join(dir, "jobs.yml"),
    release: () => {
      for (const response of stalled) response.destroy();
    },
  };
  const port = await serveOn(context, "127.0.0.1", 0, (request, response) => {
    const path = request.url ?? "";
    // Where a redirect leads; whoever follows it loses all.
    const isRedirected = path === "/empty";
    if (injector.phase === "faulty" && !isRedirected) {
      injector.asked.set(path, (injector.asked.get(path) ?? 0) + 1);
      const fault = faults[Number(path.slice(1))]!;
      if (fault.stalls) stalled.add(response);
      return fault.answer(response, request);
    }
    response.setHeader("content-type", "application/json");
    response.end(isRedirected ? "[]" : injector.phase === "after" ? AFTER : LIST);
  });
  await serveOn(context, "127.34.9.9", port, (_, response) => {
    response.setHeader("content-type", "application/json");
    response.end("[]");
  });
  const jobs = faults.map((_, i) => ({
    kind: KIND,
    jobName: `job-${i}`,
    discovery: { type: "http", url: `http://127.0.0.1:${port}/${i}`, refreshMs: 1_000 } as const,
  }));
  await writeFile(injector.configFile, renderScrapeConfig(jobs));
  return injector;
}

const CONSUMERS = {
  prometheus: (configFile: string) => startPrometheus({ scrapeConfigFiles: [configFile] }),
  vmagent: (configFile: string) => startVmagent({ configFile, remoteWriteUrl: "http://127.0.0.1:9/" }),
} as const;

/** Plays the faults to one consumer, which has a job for each. */
async function play(
  context: TestContext,
  consumer: keyof typeof CONSUMERS,
  faults: readonly ListFault[],
): Promise<void> {
  const injector = await startInjector(context, faults);
  const server = await CONSUMERS[consumer](injector.configFile);
  context.onTestFinished(server.stop);
  const named = (numbers: readonly number[]): object =>
    Object.fromEntries(faults.map(({ name }, i) => [name, numbers[i]]));
  const counts = async (): Promise<readonly number[]> => {
    const jobs = (await activeTargets(server)).map(({ labels }) => labels["job"]);
    return faults.map((_, i) => jobs.filter((job) => job === `job-${i}`).length);
  };
  const becomes = async (wanted: readonly number[]): Promise<void> => {
    const found = await until(counts, (numbers) => numbers.join() === wanted.join());
    expect(named(found)).toEqual(named(wanted));
  };
  await becomes(faults.map(() => 2));

  injector.phase = "faulty";
  const wasAsked = async (times: number): Promise<void> => {
    const isMissing = ({ stalls }: ListFault, i: number): boolean =>
      (injector.asked.get(`/${i}`) ?? 0) < (stalls && consumer === "vmagent" ? 1 : times);
    const rest = await until(
      async () => faults.filter(isMissing).map(({ name }) => name),
      (missing) => missing.length === 0,
    );
    expect(rest).toEqual([]);
  };
  await wasAsked(3);
  const expected = faults.map((fault) => TARGETS_OF[fault[consumer]]);
  await until(counts, (numbers) => numbers.join() === expected.join());
  // Prometheus takes over what it has found every five seconds.
  if (consumer === "prometheus") await wasAsked(12);
  else await delay(5_000);
  expect(named(await counts())).toEqual(named(expected));

  injector.phase = "after";
  injector.release();
  await becomes(faults.map(() => 3));
}

const STALLING = LIST_FAULTS.filter(({ stalls }) => stalls);
const PROMPT = LIST_FAULTS.filter(({ stalls }) => !stalls);

test("prometheus: no fault but an empty list costs a target, and the next good list is taken", async (context) => {
  requireServer(context, "prometheus");
  await play(context, "prometheus", LIST_FAULTS);
});

test("vmagent: no fault but an empty list costs a target, and the next good list is taken", async (context) => {
  requireServer(context, "vmagent");
  await Promise.all(
    [PROMPT, ...STALLING.map((fault) => [fault])].map((faults) => play(context, "vmagent", faults)),
  );
});
