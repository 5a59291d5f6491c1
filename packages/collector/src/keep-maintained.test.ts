import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeJournalFs } from "@promferry/core/journal";
import { Registry } from "prom-client";
import { expect, type TestContext, test } from "vitest";
import { createCollector, LowDiskError, MAINTAINED_FILE } from "./index.ts";

const DAY = 86_400_000;

interface Planned {
  readonly run: () => void;
  readonly delayMs: number;
  cancelled: boolean;
}

async function setUp(
  { onTestFinished }: Pick<TestContext, "onTestFinished">,
  maintain: () => Promise<unknown>,
  dir?: string,
) {
  const place = dir ?? (await mkdtemp(join(tmpdir(), "promferry-maintain-")));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  const planned: Planned[] = [];
  const errors: Error[] = [];
  let freeBytes = 2 ** 40;
  const collector = createCollector({
    registry: new Registry(),
    dir: place,
    app: "host",
    env: {},
    consent: { config: { enabled: true } },
    random: () => 0.5,
    schedule: (run, delayMs) => {
      const plan = { run, delayMs, cancelled: false };
      planned.push(plan);
      return () => {
        plan.cancelled = true;
      };
    },
    fs: { ...nodeJournalFs, freeBytes: async () => freeBytes },
    onError: (error) => void errors.push(error),
    maintain,
  });
  onTestFinished(() => collector.stop());
  await collector.start();
  const setFree = (bytes: number) => {
    freeBytes = bytes;
  };
  return { dir: place, collector, planned, errors, setFree };
}

test("a folder is looked after within a second of the start and then daily, a little early", async (context) => {
  let calls = 0;
  const { dir, planned } = await setUp(context, async () => calls++);
  expect(planned.map(({ delayMs }) => delayMs)).toEqual([285_000, 500]);
  planned[1]?.run();
  await expect.poll(() => planned.length).toBe(3);
  expect(planned[2]?.delayMs).toBe(DAY * 0.95);
  expect(calls).toBe(1);
  expect(await readdir(dir)).toContain(MAINTAINED_FILE);

  await utimes(join(dir, MAINTAINED_FILE), new Date(), new Date(Date.now() - 0.9 * DAY));
  planned[2]?.run();
  await expect.poll(() => planned.length).toBe(4);
  expect(calls).toBe(2);
});

test("of many programs one looks after the folder, once a day", async (context) => {
  let calls = 0;
  const first = await setUp(context, async () => calls++);
  first.planned[1]?.run();
  await expect.poll(() => first.planned.length).toBe(3);
  const second = await setUp(context, async () => calls++, first.dir);
  second.planned[1]?.run();
  await expect.poll(() => second.planned.length).toBe(3);
  expect(calls).toBe(1);
});

test("what fails is counted and told, and tried again at the next start", async (context) => {
  const { dir, planned, collector, errors } = await setUp(context, async () => {
    throw new Error("no room to compress");
  });
  planned[1]?.run();
  await expect.poll(() => planned.length).toBe(3);
  expect(collector.status()).toMatchObject({ failed: 1, lastError: { message: "no room to compress" } });
  expect(errors).toHaveLength(1);
  expect(await readdir(dir)).not.toContain(MAINTAINED_FILE);
});

test("a collector that stops plans nothing more, not even after what is under way", async (context) => {
  const ends: (() => void)[] = [];
  const { planned, collector, dir } = await setUp(
    context,
    () => new Promise<void>((resolve) => void ends.push(resolve)),
  );
  planned[1]?.run();
  await expect.poll(() => ends.length).toBe(1);
  await collector.stop();
  ends[0]?.();
  await expect.poll(() => readdir(dir)).toContain(MAINTAINED_FILE);
  expect(planned).toHaveLength(2);
});

test("scarce room is counted with each frame and told once, before the disk is full", async (context) => {
  const { collector, errors, setFree, dir } = await setUp(context, async () => undefined);
  await collector.flush();
  setFree(100 * 1024 ** 2);
  await collector.flush();
  await collector.flush();
  expect(collector.status()).toMatchObject({ lowDisk: 2, failed: 0 });
  expect(errors).toEqual([expect.any(LowDiskError)]);
  expect(errors[0]?.message).toBe(
    `only 100 MiB are free where ${dir} lies; once the disk is full nothing more is kept. Make room, or let fewer days stay`,
  );
  setFree(2 ** 40);
  await collector.flush();
  setFree(2 ** 20);
  await collector.flush();
  expect(errors).toHaveLength(2);
});
