import { expect, test } from "vitest";
import { createWorkload } from "./workload.ts";

function record(seed: number, steps: readonly number[]): string[] {
  const events: string[] = [];
  const workload = createWorkload(seed, {
    request: (seconds) => void events.push(`request ${seconds}`),
    job: (type, status) => void events.push(`job ${type} ${status}`),
    connections: (open) => void events.push(`connections ${open}`),
    temperature: (celsius) => void events.push(`temperature ${celsius}`),
  });
  for (const ms of steps) workload.advance(ms);
  return events;
}

test("the same seed does the same, however its time is cut", () => {
  const whole = record(7, [60_000]);
  expect(
    record(
      7,
      Array.from({ length: 240 }, () => 250),
    ),
  ).toEqual(whole);
  expect(record(8, [60_000])).not.toEqual(whole);
});

test("less than a second does nothing", () => {
  expect(record(7, [999])).toEqual([]);
});

test("an hour shows every kind of event, within what is possible", () => {
  const events = record(7, [3_600_000]);
  const numbers = (kind: string) =>
    events.filter((event) => event.startsWith(`${kind} `)).map((event) => Number(event.split(" ")[1]));
  expect(new Set(events.filter((event) => event.startsWith("job"))).size).toBe(6);
  expect(numbers("connections").length).toBe(3600);
  expect(Math.min(...numbers("connections"))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers("connections"))).toBeLessThan(60);
  expect(Math.min(...numbers("request"))).toBeGreaterThanOrEqual(0.003);
  expect(Math.max(...numbers("request"))).toBeLessThanOrEqual(1.5);
  expect(Math.min(...numbers("temperature"))).toBeGreaterThanOrEqual(18);
  expect(Math.max(...numbers("temperature"))).toBeLessThanOrEqual(26);
});
