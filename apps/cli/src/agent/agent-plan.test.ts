import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSeriesDictionary } from "@promferry/core/series";
import { expect, test } from "vitest";
import { homeWith } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";
import { createContext } from "../context.ts";
import { type AgentPlan, planAgent } from "./agent-plan.ts";

const FLAGS = { scrape: ["127.0.0.1:1"], remoteWrite: [], protocol: 1, interval: 1000, job: "j" } as const;

function plan(home: string, config: string, now: () => number): Promise<AgentPlan> {
  const silent = { write: () => true, drained: async () => {}, isTerminal: false };
  const io = {
    ...{ stdout: silent, stderr: silent, stdin: (async function* () {})(), interactive: false },
    ...{ env: {}, cwd: home, home, signal: new AbortController().signal, onHangup: () => () => {}, now },
  };
  return planAgent(createContext(io, { config }), FLAGS);
}

test("an agent reads a credential anew once the receiver refused it, and at most once a minute", async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve(({ headers }, response) => {
    seen.push(headers.authorization);
    response.writeHead(headers.authorization === "Bearer third" ? 204 : 401).end();
  });
  const { home, config } = homeWith(
    `metrics: { destinations: [{ name: d, type: prometheus, url: "${url}/w", auth: { token_file: token } }] }\n`,
  );
  let now = 1_700_000_000_000;
  const { targets } = await plan(home, config, () => now);
  const series = createSeriesDictionary().intern("a", []);
  const family = { name: "a", type: "gauge", help: "", unit: "" } as const;
  const batch = { series: [{ series, family, timestampsMs: [now], values: [1] }], sampleCount: 1 };
  for (const token of ["first", "second", "third"]) {
    writeFileSync(join(home, "token"), `${token}\n`);
    await targets[0]!.destination.send(batch).catch(() => {});
    now += 40_000;
  }
  await targets[0]!.destination.send(batch);
  expect(seen).toEqual(["Bearer first", "Bearer second", "Bearer second", "Bearer third"]);
});
