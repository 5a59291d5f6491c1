import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openJournal } from "@promferry/core/journal";
import { expect, type TestContext, test } from "vitest";

const HOST = fileURLToPath(new URL("../test/host.ts", import.meta.url));
// The environment of whoever runs the tests may refuse telemetry.
const ENV = { ...process.env, DO_NOT_TRACK: "", HOST_TELEMETRY: "" };

/** Each starts processes, and other suites may be doing the same. */
const PATIENT = { timeout: 30_000 };

async function directory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-collector-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs the host to its end; after the line `signalAt` it is sent `signal`. */
async function runHost(dir: string, scenario: string, signal?: NodeJS.Signals, signalAt = "ready") {
  const host = spawn(process.execPath, ["--conditions=@promferry/source", HOST, dir, scenario], {
    stdio: ["ignore", "pipe", "pipe"],
    env: ENV,
  });
  const lines: string[] = [];
  let errors = "";
  host.stderr.on("data", (text) => {
    errors += text;
  });
  createInterface(host.stdout).on("line", (line) => {
    lines.push(line);
    if (signal !== undefined && line === signalAt) host.kill(signal);
  });
  const [code, killedBy] = await once(host, "close");
  return { code, killedBy, lines, errors };
}

/** Kind, exit mark and values of each frame. */
async function framesIn(dir: string) {
  const journal = openJournal(dir);
  const index = await journal.index();
  expect(index.damage).toEqual([]);
  return Promise.all(
    index.frames.map(async (ref) => {
      const { header, families } = await journal.read(ref);
      const samples = families.flatMap(({ series, values }) =>
        series.map(({ name }, i) => `${name} ${values[i]}`),
      );
      return `${header.kind}${header.exit ? " exit" : ""}: ${samples.join(", ")}`;
    }),
  );
}

const STARTED_AND_ENDED = ["start: ", "full exit: host_runs_total 7"];

for (const { name, scenario, signal, code, killedBy = null } of [
  { name: "comes to its end", scenario: "end", code: 0 },
  { name: "calls process.exit before anything was written", scenario: "exit at once", code: 3 },
  { name: "calls process.exit", scenario: "exit later", code: 3 },
  { name: "dies of an exception", scenario: "throw", code: 1 },
  { name: "stops the collector", scenario: "stop", code: 0 },
  { name: "is interrupted", scenario: "wait", signal: "SIGINT", code: null, killedBy: "SIGINT" },
  { name: "is terminated", scenario: "wait", signal: "SIGTERM", code: null, killedBy: "SIGTERM" },
  { name: "loses its terminal", scenario: "wait", signal: "SIGHUP", code: null, killedBy: "SIGHUP" },
  {
    name: "no longer listens for the signal",
    scenario: "stop listening",
    signal: "SIGINT",
    code: null,
    killedBy: "SIGINT",
  },
] as const) {
  test.concurrent(
    `a program that ${name} leaves its last counts and ends as it would have`,
    PATIENT,
    async (context) => {
      const dir = await directory(context);
      const end = await runHost(dir, scenario, signal);
      expect(end).toMatchObject({ code, killedBy });
      expect(await framesIn(dir)).toEqual(STARTED_AND_ENDED);
    },
  );
}

for (const { name, scenario, signalAt, frames } of [
  { name: "before the collector started", scenario: "listen before", signalAt: "ready", frames: 4 },
  { name: "after the collector started", scenario: "listen after", signalAt: "listening", frames: 2 },
]) {
  test.concurrent(`a host that listens for SIGINT ${name} decides what it does`, PATIENT, async (context) => {
    const dir = await directory(context);
    const end = await runHost(dir, scenario, "SIGINT", signalAt);
    expect(end).toMatchObject({ code: 5, killedBy: null });
    expect(end.lines.at(-1)).toBe("host got SIGINT");
    const written = await framesIn(dir);
    expect(written).toHaveLength(frames);
    expect(written.at(-1)).toMatch(/^full exit: host_runs_total 7/);
  });
}

test.concurrent("an exception of the host is still shown", PATIENT, async (context) => {
  expect((await runHost(await directory(context), "throw")).errors).toContain("the host's own fault");
});

test.concurrent("without consent no file and no directory is made", PATIENT, async (context) => {
  const dir = await directory(context);
  expect(await runHost(join(dir, "metrics"), "off")).toMatchObject({ code: 0, errors: "" });
  expect(await readdir(dir)).toEqual([]);
});

test.concurrent("processes that write one day file at once lose nothing", PATIENT, async (context) => {
  const dir = await directory(context);
  await Promise.all(Array.from({ length: 3 }, () => runHost(dir, "many frames")));
  const index = await openJournal(dir).index();
  expect(index.damage).toEqual([]);
  expect(index.files).toHaveLength(1);
  expect(index.frames).toHaveLength(3 * 42);
});
