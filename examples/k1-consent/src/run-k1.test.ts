import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import { readConsent } from "@promferry/privacy";
import { expect, onTestFinished, test } from "vitest";
import { runK1, type World } from "./run-k1.ts";

function world(answer?: string) {
  const parent = mkdtempSync(join(tmpdir(), "promferry-k1-consent-"));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  const dir = join(parent, "metrics");
  const asked: string[] = [];
  const printed: string[] = [];
  const isTerminal = answer !== undefined;
  const run = (argv: readonly string[], more: Partial<World> = {}) =>
    runK1({
      argv,
      dir,
      env: {},
      print: (line) => void printed.push(line),
      async ask(question) {
        asked.push(question);
        return answer ?? "";
      },
      place: { inputIsTerminal: isTerminal, outputIsTerminal: isTerminal },
      ...more,
    });
  const grants = async () => (await openJournal(dir).index()).frames.map(({ header }) => header.consent);
  return { parent, dir, asked, printed, run, grants };
}

test("without a terminal nothing is asked, and nothing is written", async () => {
  const { run, asked, printed, parent } = world();
  expect(await run(["pods", "nodes"])).toBe(0);
  expect(printed).toEqual(["── pods ──", "── nodes ──"]);
  expect(asked).toEqual([]);
  expect(readdirSync(parent)).toEqual([]);
});

test("the first run asks once; after a yes the runs are counted", async () => {
  const { run, asked, grants } = world("y");
  await run(["pods"]);
  await run(["nodes"]);
  expect(asked).toEqual([expect.stringContaining("May k1 count?")]);
  expect(await grants()).toEqual(["enabled", "enabled", "enabled", "enabled"]);
});

test("after a no nothing is counted, asked or written again", async () => {
  const { run, asked, dir } = world("");
  await run(["pods"]);
  await run(["pods", "--enable-metrics-collection"]);
  expect(asked).toHaveLength(1);
  expect(readdirSync(dir)).toEqual(["consent.json"]);
});

test("the flag counts one run and answers nothing", async () => {
  const { run, grants, dir } = world();
  await run(["pods", "--enable-metrics-collection"], { env: { DO_NOT_TRACK: "1" } });
  await run(["pods"]);
  expect(await grants()).toEqual(["flag", "flag"]);
  expect(readConsent(dir)).toEqual({ kind: "none" });
});

test("telemetry shows and decides", async () => {
  const { run, printed } = world();
  await run(["telemetry"]);
  await run(["telemetry", "local"]);
  await run(["telemetry", "on"]);
  await run(["telemetry", "off"]);
  expect(await run(["telemetry", "perhaps"])).toBe(2);
  expect(printed).toEqual([
    "telemetry is off because nobody switched it on",
    "telemetry is local because its user switched it on, to be kept here (enable --local)",
    "telemetry is upload because its user switched it on (enable)",
    "telemetry is off because its user switched it off (disable)",
    "telemetry is off because its user switched it off (disable)",
  ]);
});
