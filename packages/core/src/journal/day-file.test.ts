import { expect, test } from "vitest";
import { dayFileName, dayOfFile, isClosed } from "./day-file.ts";

for (const { name, at, part, expected } of [
  { name: "is the day in UTC", at: "2025-10-06T23:59:59.999Z", expected: "2025-10-06.prom" },
  { name: "changes at midnight", at: "2025-10-07T00:00:00.000Z", expected: "2025-10-07.prom" },
  {
    name: "carries a part",
    at: "2025-10-06T12:00:00Z",
    part: "3f9c2a17",
    expected: "2025-10-06.3f9c2a17.prom",
  },
]) {
  test(`a day file's name ${name}`, () => {
    expect(dayFileName(Date.parse(at), "utc", part)).toBe(expected);
  });
}

test("a local day is the one of the machine's own clock", () => {
  const lateEvening = new Date(2025, 9, 6, 23, 59, 59).getTime();
  const midnight = new Date(2025, 9, 7).getTime();
  expect([dayFileName(lateEvening), dayFileName(midnight, "local")]).toEqual([
    "2025-10-06.prom",
    "2025-10-07.prom",
  ]);
});

for (const { file, day } of [
  { file: "2025-10-06.prom", day: "2025-10-06" },
  { file: "2025-10-06.3f9c2a17.prom", day: "2025-10-06" },
  { file: "2025-10-06.0001.prom", day: "2025-10-06" },
  { file: "2024-02-29.prom", day: "2024-02-29" },
  { file: "2025-02-29.prom", day: undefined },
  { file: "2025-13-01.prom", day: undefined },
  { file: "2025-10-06.prom.tmp", day: undefined },
  { file: "x2025-10-06.prom", day: undefined },
  { file: ".uploaded", day: undefined },
]) {
  test(`${file} is ${day === undefined ? "no day file" : `of ${day}`}`, () => {
    expect(dayOfFile(file)).toBe(day);
  });
}

const LONG_AGO = 0;
for (const { name, now, modified, closed } of [
  { name: "is open on its own day", now: "2025-10-06T12:00:00Z", modified: LONG_AGO, closed: false },
  {
    name: "is open 36 h after it began in UTC",
    now: "2025-10-07T12:00:00Z",
    modified: LONG_AGO,
    closed: false,
  },
  {
    name: "is open until 36 h after it began in UTC-12",
    now: "2025-10-07T23:59:59.999Z",
    modified: LONG_AGO,
    closed: false,
  },
  { name: "is closed from then on", now: "2025-10-08T00:00:00Z", modified: LONG_AGO, closed: true },
  {
    name: "is open while it was touched in the last hour",
    now: "2025-10-08T00:00:00Z",
    modified: "2025-10-07T23:00:01Z",
    closed: false,
  },
  {
    name: "is closed when untouched for an hour",
    now: "2025-10-08T00:00:00Z",
    modified: "2025-10-07T23:00:00Z",
    closed: true,
  },
  {
    name: "is open when it was touched in the future",
    now: "2025-12-08T00:00:00Z",
    modified: "2026-01-01T00:00:00Z",
    closed: false,
  },
]) {
  test(`a day ${name}`, () => {
    const modifiedMs = typeof modified === "number" ? modified : Date.parse(modified);
    expect(isClosed("2025-10-06", Date.parse(now), modifiedMs)).toBe(closed);
  });
}
