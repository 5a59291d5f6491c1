import { expect, test } from "vitest";
import { createWorkshop } from "./workshop.ts";

const CALM = {
  kind: "lint",
  part: "#cloud-config\npackages: [a]\n",
  os: undefined,
  provider: undefined,
} as const;
/** Takes long to look through. */
const SLOW = { ...CALM, part: `#cloud-config\na: ${"[".repeat(250_000)}` };

test("what takes long holds nobody up but the next job, and is given up", async () => {
  const workshop = createWorkshop({ limitMs: 100 });
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 5);
  await expect(workshop.run(SLOW)).rejects.toMatchObject({ code: "user_data_part" });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
  await workshop.close();
});

test("jobs are done in turn, after one that failed too, and too many are sent away", async () => {
  const workshop = createWorkshop({ waiting: 3 });
  const unreadable = { ...CALM, part: Uint8Array.of(0xff) };
  const [first, second, third, fourth] = await Promise.allSettled(
    [CALM, unreadable, CALM, CALM].map((job) => workshop.run(job)),
  );
  expect(first).toMatchObject({ value: { ok: true, findings: [] } });
  expect(second).toMatchObject({ value: { ok: false, code: "ERR_USER_DATA_PART" } });
  expect(third).toMatchObject({ value: { ok: true } });
  expect(fourth).toMatchObject({ reason: { code: "overloaded" } });
  expect(await workshop.run(CALM)).toMatchObject({ ok: true });
  await workshop.close();
});
