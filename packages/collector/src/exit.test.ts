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
async function runHost(dir: string, scenario: string, signal?: NodeJS.Signals, signalAt = "ready", own = "") {
  const args = ["--conditions=@promferry/source", HOST, dir, scenario, own];
  const host = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: ENV });
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

interface WayOut {
  readonly name: string;
  readonly scenario: string;
  readonly signal?: NodeJS.Signals;
  /** Exit code or signal that the host ends with. */
  readonly bare: number | NodeJS.Signals;
  /** The same with listeners of its own, where they make a difference. */
  readonly own?: number;
}

/** Every way out, for a host without listeners of its own and for one that has them all. */
const ways: readonly WayOut[] = [
  { name: "comes to its end", scenario: "end", bare: 0, own: 0 },
  { name: "calls process.exit before anything was written", scenario: "exit at once", bare: 3 },
  { name: "calls process.exit", scenario: "exit later", bare: 3, own: 3 },
  { name: "dies of an exception", scenario: "throw", bare: 1, own: 6 },
  { name: "dies of a rejection", scenario: "reject", bare: 1, own: 7 },
  { name: "stops the collector", scenario: "stop", bare: 0 },
  { name: "is interrupted", scenario: "wait", signal: "SIGINT", bare: "SIGINT", own: 5 },
  { name: "is terminated", scenario: "wait", signal: "SIGTERM", bare: "SIGTERM", own: 5 },
  { name: "loses its terminal", scenario: "wait", signal: "SIGHUP", bare: "SIGHUP", own: 5 },
  {
    name: "no longer listens for the signal",
    scenario: "stop listening",
    signal: "SIGINT",
    bare: "SIGINT",
  },
];

for (const { name, scenario, signal, bare, own } of ways) {
  for (const [kind, ending] of [
    ["", bare],
    ["own", own],
  ] as const) {
    if (ending === undefined) continue;
    const listeners = kind === "" ? "no listeners" : "listeners";
    test.concurrent(
      `a program that ${name}, with ${listeners} of its own, leaves its last counts and ends as it would have`,
      PATIENT,
      async (context) => {
        const dir = await directory(context);
        const end = await runHost(dir, scenario, signal, "ready", kind);
        const killed = typeof ending === "string";
        expect(end).toMatchObject({ code: killed ? null : ending, killedBy: killed ? ending : null });
        expect(end.lines.includes("host is at its end")).toBe(kind === "own");
        expect(await framesIn(dir)).toEqual(STARTED_AND_ENDED);
      },
    );
  }
}

test.concurrent("a host that survives an exception counts on", PATIENT, async (context) => {
  const dir = await directory(context);
  expect(await runHost(dir, "survive an exception")).toMatchObject({ code: 0, errors: "" });
  expect(await framesIn(dir)).toEqual(["start: ", "full exit: host_runs_total 8"]);
});

test.concurrent("looking after the folder keeps no program alive", PATIENT, async (context) => {
  const dir = await directory(context);
  expect(await runHost(dir, "maintained")).toMatchObject({ code: 0, errors: "" });
  expect(await framesIn(dir)).toEqual(STARTED_AND_ENDED);
  expect(await readdir(dir)).not.toContain(".maintained");
});

/** By session: its last value and whether it has come to its end. */
async function sessionsIn(dir: string) {
  const journal = openJournal(dir);
  const { frames, damage } = await journal.index();
  expect(damage).toEqual([]);
  const last = new Map<string, { value: number; exits: number }>();
  for (const ref of frames) {
    const { families } = await journal.read(ref);
    const exits = (last.get(ref.header.session)?.exits ?? 0) + Number(ref.header.exit);
    last.set(ref.header.session, { value: families[0]?.values[0] ?? 0, exits });
  }
  return [...last.values()].sort((a, b) => a.value - b.value);
}

for (const { name, scenario, code } of [
  { name: "worker threads that come to their end", scenario: "threads", code: 0 },
  { name: "worker threads that call process.exit", scenario: "threads exit", code: 0 },
  { name: "the processes of node:cluster that are disconnected", scenario: "cluster", code: 0 },
  { name: "the processes of node:cluster that are killed with SIGTERM", scenario: "cluster signal", code: 0 },
]) {
  test.concurrent(`${name} are a session each, to the last count`, PATIENT, async (context) => {
    const dir = await directory(context);
    expect(await runHost(dir, scenario)).toMatchObject({ code, killedBy: null, errors: "" });
    // The host counts 7, its three parts 100, 200 and 300.
    expect(await sessionsIn(dir)).toEqual([7, 100, 200, 300].map((value) => ({ value, exits: 1 })));
  });
}

test.concurrent(
  "a signal ends every collector of a program with its last counts",
  PATIENT,
  async (context) => {
    const dir = await directory(context);
    expect(await runHost(dir, "several", "SIGTERM")).toMatchObject({
      code: null,
      killedBy: "SIGTERM",
      errors: "",
    });
    expect(await sessionsIn(dir)).toEqual([7, 100, 200].map((value) => ({ value, exits: 1 })));
  },
);

test.concurrent(
  "a program that awaits stop waits for its slow values, and goes on",
  PATIENT,
  async (context) => {
    const dir = await directory(context);
    const end = await runHost(dir, "collect slowly");
    expect(end).toMatchObject({ code: 0, errors: "" });
    expect(end.lines).toEqual(["stopped"]);
    expect(await framesIn(dir)).toEqual(["start: ", "full exit: host_runs_total 7, slow 42"]);
  },
);

test.concurrent(
  "a worker thread that is terminated leaves what its last frame held",
  PATIENT,
  async (context) => {
    const dir = await directory(context);
    expect(await runHost(dir, "threads terminated")).toMatchObject({ code: 0, errors: "" });
    expect(await sessionsIn(dir)).toEqual([
      { value: 7, exits: 1 },
      ...[100, 200, 300].map((value) => ({ value, exits: 0 })),
    ]);
  },
);

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

test.concurrent("after disable the end of the program leaves no exit frame", PATIENT, async (context) => {
  const dir = await directory(context);
  expect(await runHost(dir, "disable and exit")).toMatchObject({ code: 3, errors: "" });
  expect(await framesIn(dir)).toEqual(["start: "]);
});

test.concurrent("processes that write one day file at once lose nothing", PATIENT, async (context) => {
  const dir = await directory(context);
  await Promise.all(Array.from({ length: 3 }, () => runHost(dir, "many frames")));
  const index = await openJournal(dir).index();
  expect(index.damage).toEqual([]);
  expect(index.files).toHaveLength(1);
  expect(index.frames).toHaveLength(3 * 42);
});
