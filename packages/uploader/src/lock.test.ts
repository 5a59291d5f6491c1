import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { asItIs, createReceiver, createTestBed, MINUTE, NOON } from "../test/harness.ts";
import { nodeUploadFs, type ProcessTable, UploadBusyError, type UploadFs } from "./index.ts";
import { acquireLock, type UploadLock } from "./lock.ts";
import { nodeProcesses } from "./lock-holder.ts";

interface Where {
  readonly pid?: number;
  readonly start?: string;
  readonly boot?: string;
  readonly host?: string;
  readonly pidNamespace?: string;
  /** Processes that run here: start time by pid. */
  readonly running?: Record<number, string>;
}

function at({ running = {}, ...self }: Where): ProcessTable {
  return {
    self: async () => ({ pid: 1, start: "10", boot: "b1", host: "here", pidNamespace: "ns1", ...self }),
    startOf: async (pid) => running[pid],
  };
}

async function setUp() {
  const dir = await mkdtemp(join(tmpdir(), "promferry-lock-"));
  let nowMs = NOON;
  const held: UploadLock[] = [];
  let refreshes = 0;
  const fs: UploadFs = {
    ...nodeUploadFs,
    async rename(from, to) {
      refreshes++;
      await nodeUploadFs.rename(from, to);
    },
  };
  onTestFinished(async () => {
    for (const lock of held) await lock.release();
    await rm(dir, { recursive: true });
  });
  return {
    dir,
    /** How often a lock's file was replaced. */
    refreshes: () => refreshes,
    pass: (ms: number) => {
      nowMs += ms;
    },
    passed: () => nowMs - NOON,
    async acquire(
      processes: ProcessTable,
      waitMs = 0,
      meanwhile: () => Promise<void> = async () => {},
      through: UploadFs = fs,
    ): Promise<UploadLock> {
      const sleep = async (ms: number) => {
        nowMs += ms;
        await meanwhile();
      };
      const lock = await acquireLock({ dir, fs: through, now: () => nowMs, sleep, processes, waitMs });
      held.push(lock);
      return lock;
    },
  };
}

const minute = MINUTE;
for (const { name, second, afterMs = 0, taken } of [
  { name: "a running process", second: at({ pid: 2, running: { 1: "10" } }), taken: false },
  { name: "a dead process", second: at({ pid: 2 }), taken: true },
  {
    name: "a process whose pid was given away again",
    second: at({ pid: 2, running: { 1: "99" } }),
    taken: true,
  },
  {
    name: "a process from before the last boot",
    second: at({ pid: 2, boot: "b2", running: { 1: "10" } }),
    taken: true,
  },
  { name: "a process of another host, for two minutes", second: at({ pid: 2, host: "there" }), taken: false },
  {
    name: "a process of another host, after that",
    second: at({ pid: 2, host: "there" }),
    afterMs: 2 * minute,
    taken: true,
  },
  {
    name: "a process of another pid namespace, for two minutes",
    second: at({ pid: 2, pidNamespace: "ns2" }),
    taken: false,
  },
  {
    name: "a process of another pid namespace, after that",
    second: at({ pidNamespace: "ns2" }),
    afterMs: 2 * minute,
    taken: true,
  },
]) {
  test(`the lock of ${name} is ${taken ? "taken over" : "respected"}`, async () => {
    const bed = await setUp();
    const first = await bed.acquire(at({}));
    bed.pass(afterMs);
    if (!taken) {
      await expect(bed.acquire(second)).rejects.toMatchObject({
        code: "ERR_UPLOAD_BUSY",
        holder: { pid: 1 },
      });
      await first.check();
      return;
    }
    const lock = await bed.acquire(second);
    await lock.check();
    await expect(first.check()).rejects.toThrow(UploadBusyError);
    await first.release();
    await lock.check();
  });
}

test("a lock that says nothing of its holder is respected for two minutes", async () => {
  const bed = await setUp();
  const path = join(bed.dir, ".upload-lock.1");
  await writeFile(path, '{"v":1,"pid":');
  await utimes(path, new Date(NOON), new Date(NOON));
  await expect(bed.acquire(at({}))).rejects.toMatchObject({ holder: undefined });
  bed.pass(2 * minute);
  await (await bed.acquire(at({}))).check();
});

test("a lock whose maker was killed before it wrote a word keeps nobody waiting for more than two seconds", async () => {
  const bed = await setUp();
  await writeFile(join(bed.dir, ".upload-lock.1"), "");
  await (await bed.acquire(at({}))).check();
  expect(bed.passed()).toBe(2000);
  expect(await readdir(bed.dir)).toEqual([".upload-lock.2"]);
});

test("each empty lock has its own two seconds", async () => {
  const bed = await setUp();
  const [first, second] = [1, 2].map((number) => join(bed.dir, `.upload-lock.${number}`)) as [string, string];
  await writeFile(first, "");
  let looks = 0;
  const meanwhile = async () => {
    if (++looks === 3) await rename(first, second);
  };
  await (await bed.acquire(at({}), 0, meanwhile)).check();
  expect(bed.passed()).toBe(3 * 500 + 2000);
});

test("a lock that is written at the second look is respected", async () => {
  const bed = await setUp();
  const path = join(bed.dir, ".upload-lock.1");
  await writeFile(path, "");
  const other = await setUp();
  await other.acquire(at({ pid: 2, host: "there" }));
  const late = bed.acquire(at({}), 0, () => copyFile(join(other.dir, ".upload-lock.1"), path));
  await expect(late).rejects.toMatchObject({ holder: { pid: 2 } });
});

test("a maker that was stopped before it wrote its lock doesn't take the next one's of that number for its own", async () => {
  const bed = await setUp();
  const taken: UploadLock[] = [];
  const path = join(bed.dir, ".upload-lock.1");
  const stopped: UploadFs = {
    ...nodeUploadFs,
    async openNew(file) {
      const opened = await nodeUploadFs.openNew(file);
      if (taken.length > 0) return opened;
      // Another one finds it empty, takes over and ends; a third one has the number again.
      const second = await bed.acquire(at({ pid: 2 }));
      await second.release();
      taken.push(await bed.acquire(at({ pid: 3, host: "there" })));
      return opened;
    },
  };
  await expect(bed.acquire(at({}), 0, undefined, stopped)).rejects.toMatchObject({ holder: { pid: 3 } });
  await taken[0]!.check();
  expect(await readFile(path, "utf8")).toContain('"pid":3');
});

test("who is slow to take over a dead holder's lock gives way to one that has it since", async () => {
  const bed = await setUp();
  await bed.acquire(at({}));
  const taken: UploadLock[] = [];
  const slow: UploadFs = {
    ...nodeUploadFs,
    async openNew(file) {
      if (taken.length === 0) {
        // Another one takes it over and ends, and a third one begins anew.
        await (await bed.acquire(at({ pid: 2 }))).release();
        taken.push(await bed.acquire(at({ pid: 3, host: "there" })));
      }
      return nodeUploadFs.openNew(file);
    },
  };
  await expect(bed.acquire(at({ pid: 4 }), 0, undefined, slow)).rejects.toMatchObject({ holder: { pid: 3 } });
  await taken[0]!.check();
  expect(await readdir(bed.dir)).toEqual([".upload-lock.1"]);
});

test("a lock that is written while it is being taken for left behind is respected", async () => {
  const bed = await setUp();
  const other = await setUp();
  await other.acquire(at({ pid: 2, host: "there" }));
  const path = join(bed.dir, ".upload-lock.1");
  await writeFile(path, "");
  const late: UploadFs = {
    ...nodeUploadFs,
    async openNew(file) {
      await copyFile(join(other.dir, ".upload-lock.1"), path);
      return nodeUploadFs.openNew(file);
    },
  };
  await expect(bed.acquire(at({}), 0, undefined, late)).rejects.toMatchObject({ holder: { pid: 2 } });
});

test("a clock that was set back keeps no lock for ever", async () => {
  const bed = await setUp();
  await bed.acquire(at({}));
  bed.pass(-2 * minute);
  await bed.acquire(at({ pid: 2, host: "there" }));
});

test("where the system tells no boot, a process that runs is not taken for one from before it", async () => {
  const bed = await setUp();
  await bed.acquire(at({ boot: "" }));
  await expect(bed.acquire(at({ pid: 2, running: { 1: "10" } }))).rejects.toThrow(UploadBusyError);
});

test("a holder at work keeps its lock for longer than two minutes", async () => {
  const bed = await setUp();
  const first = await bed.acquire(at({}));
  for (let i = 0; i < 5; i++) {
    bed.pass(minute / 2);
    await first.check();
  }
  await expect(bed.acquire(at({ pid: 2, host: "there" }))).rejects.toThrow(UploadBusyError);
});

test("a holder that waits for an answer keeps its lock for longer than two minutes", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const bed = await setUp();
  const first = await bed.acquire(at({}));
  bed.pass(3 * minute);
  vi.advanceTimersByTime(20_000);
  await first.release();
  // Releasing waits for a refresh that is under way.
  expect(bed.refreshes()).toBe(1);
});

for (const { name, hasNext } of [
  { name: "and was given back", hasNext: false },
  { name: "and has a third holder under the same name", hasNext: true },
]) {
  test(`a holder that was stopped doesn't bring back its lock, which was taken over ${name}`, async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const bed = await setUp();
    const first = await bed.acquire(at({}));
    bed.pass(3 * minute);
    const second = await bed.acquire(at({ pid: 2, host: "there" }));
    await second.release();
    const third = hasNext ? await bed.acquire(at({ pid: 3 })) : undefined;
    // What it does first when it goes on.
    vi.advanceTimersByTime(20_000);
    await expect(first.check()).rejects.toThrow("was taken over");
    await first.release();
    await third?.check();
    expect(await readdir(bed.dir)).toEqual(hasNext ? [".upload-lock.1"] : []);
  });
}

test("a lock that was taken over leaves no older file behind", async () => {
  const bed = await setUp();
  await bed.acquire(at({}));
  await bed.acquire(at({ pid: 2 }));
  expect(await readdir(bed.dir)).toEqual([".upload-lock.2"]);
});

test("of many that see a dead holder, one gets the lock", async () => {
  const bed = await setUp();
  await bed.acquire(at({}));
  const running = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i + 2, "10"]));
  const tries = await Promise.allSettled(
    Object.keys(running).map((pid) => bed.acquire(at({ pid: Number(pid), running }))),
  );
  const locks = tries.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const checks = await Promise.allSettled(locks.map((lock) => lock.check()));
  expect(checks.filter((each) => each.status === "fulfilled")).toHaveLength(1);
});

test("a released lock leaves nothing behind and waiting for it helps", async () => {
  const bed = await setUp();
  const running = { 1: "10" };
  const first = await bed.acquire(at({}));
  await expect(bed.acquire(at({ pid: 2, running }), 5_000)).rejects.toThrow(UploadBusyError);
  const second = bed.acquire(at({ pid: 2, running }), minute);
  await first.release();
  await (await second).release();
  expect(await readdir(bed.dir)).toEqual([]);
});

test("this process knows itself", async () => {
  const self = await nodeProcesses.self();
  expect(await nodeProcesses.startOf(self.pid)).toBe(self.start);
  // Beyond Linux' highest pid.
  expect(await nodeProcesses.startOf(2 ** 22 + 1)).toBeUndefined();
});

test.runIf(process.platform === "linux")(
  "a killed process that its parent has not waited for holds nothing",
  async () => {
    // What the shell began ends at once, and the program that it becomes waits for nobody.
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    onTestFinished(() => void parent.kill("SIGKILL"));
    const [pid] = (await once(parent.stdout, "data")) as [Buffer];
    await expect.poll(() => readFile(`/proc/${Number(pid)}/stat`, "utf8")).toContain(") Z ");
    expect(await nodeProcesses.startOf(Number(pid))).toBeUndefined();
  },
);

test("a second upload from one directory says who is at work", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, { a_total: 1 });
  let busy: unknown;
  const destination = createReceiver();
  const slow = createReceiver();
  slow.send = async () => {
    busy = await bed.upload({ targets: [{ destination, project: asItIs }] }).catch((error: unknown) => error);
    return { accepted: 1, refused: [], unknown: 0 };
  };
  await bed.upload({ targets: [{ destination: slow, project: asItIs }] });
  expect(busy).toBeInstanceOf(UploadBusyError);
  expect((busy as Error).message).toBe(
    `another upload from ${bed.dir} is under way (process ${process.pid}); try again when it has ended, or wait for it`,
  );
});
