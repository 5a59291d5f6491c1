import { expect, test } from "vitest";
import type { FrameHeader } from "./frame.ts";
import { formatHeader, parseHeader } from "./frame-header.ts";

const HEADER: FrameHeader = {
  writtenMs: Date.UTC(2025, 9, 6, 14, 30),
  session: "3f9c2a17",
  seq: 12,
  kind: "full",
  origin: "app",
  consent: "config",
  exit: false,
};

for (const { name, header, line } of [
  {
    name: "of a full frame",
    header: HEADER,
    line: "# Written: 2025-10-06T14:30:00.000Z v=1 session=3f9c2a17 seq=12 kind=full origin=app consent=config",
  },
  {
    name: "of an exit frame",
    header: { ...HEADER, exit: true },
    line: "# Written: 2025-10-06T14:30:00.000Z v=1 session=3f9c2a17 seq=12 kind=full origin=app consent=config exit=1",
  },
  {
    name: "of a changes frame",
    header: { ...HEADER, kind: "changes", base: 11 } as const,
    line: "# Written: 2025-10-06T14:30:00.000Z v=1 session=3f9c2a17 seq=12 kind=changes origin=app consent=config base=11",
  },
  {
    name: "of a scraped page",
    header: { ...HEADER, seq: 0, origin: "scrape", consent: "user" } as const,
    line: "# Written: 2025-10-06T14:30:00.000Z v=1 session=3f9c2a17 seq=0 kind=full origin=scrape consent=user",
  },
]) {
  test(`the header ${name} is written and read back`, () => {
    expect(formatHeader(header)).toBe(line);
    expect(parseHeader(line)).toEqual({ ok: true, version: 1, header });
    expect(formatHeader(header, 2)).toBe(line.replace("v=1", "v=2"));
    expect(parseHeader(line.replace("v=1", "v=2"))).toEqual({ ok: true, version: 2, header });
  });
}

const LINE = formatHeader(HEADER);
for (const { line, unsupported } of [
  { line: LINE.replace("v=1", "v=3"), unsupported: "v=3" },
  { line: "# Written: whenever v=17", unsupported: "v=17" },
  { line: LINE.replace("kind=full", "kind=delta"), unsupported: "kind=delta" },
  { line: LINE.replace("origin=app", "origin=otlp"), unsupported: "origin=otlp" },
  { line: LINE.replace("consent=config", "consent=law"), unsupported: "consent=law" },
  { line: `${LINE} exit=2`, unsupported: "exit=2" },
  { line: `${LINE} zone=eu`, unsupported: "zone=eu" },
]) {
  test(`a header with ${unsupported} is refused by name`, () => {
    expect(parseHeader(line)).toEqual({ ok: false, unsupported });
  });
}

for (const line of [
  "# Written: 2025-10-06T14:30:00Z",
  LINE.replace("T", " "),
  LINE.replace("session=3f9c2a17 ", ""),
  LINE.replace("3f9c2a17", "3F9C2A17"),
  LINE.replace("seq=12", "seq=012"),
  LINE.replace("seq=12", "seq=-1"),
  LINE.replace("2025-10", "2025-13"),
]) {
  test(`${line} is no header`, () => {
    expect(parseHeader(line)).toEqual({ ok: false });
  });
}

for (const [field, value] of [
  ["writtenMs", Number.NaN],
  ["writtenMs", 8.64e15],
  ["session", "3F9C2A17"],
  ["seq", -1],
  ["seq", 1.5],
  ["base", 3],
] as const) {
  test(`a header with ${field} ${value} is not written`, () => {
    expect(() => formatHeader({ ...HEADER, [field]: value })).toThrow(`frame header: ${field} cannot be`);
  });
}
