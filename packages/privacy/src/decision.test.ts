import { expect, test } from "vitest";
import type { ConsentChoice, StoredConsent } from "./consent-file.ts";
import { disabledRecord, enabledRecord, forgettingRecord } from "./decision.ts";

const NOW = 2000;
const none: StoredConsent = { kind: "none" };
const chose = (choice: ConsentChoice, more: object = {}): StoredConsent => ({
  kind: "decided",
  record: { choice, decidedAtMs: 1000, decidedBy: "a test", ...more },
});

for (const { name, before, enabled, since } of [
  { name: "after nothing", before: none, since: NOW },
  { name: "after enabled: false", before: none, enabled: false, since: NOW },
  { name: "after enabled: true, which was a yes already", before: none, enabled: true, since: undefined },
  { name: "after another yes", before: chose("enabled", { sinceMs: 1000 }), since: 1000 },
  { name: "after a yes that goes back to the first frame", before: chose("enabled"), since: undefined },
  { name: "after disable", before: chose("disabled"), enabled: true, since: NOW },
  { name: "after enable --local", before: chose("local"), enabled: true, since: NOW },
  { name: "after a damaged file", before: { kind: "damaged", problem: "" }, enabled: true, since: NOW },
] satisfies { name: string; before: StoredConsent; enabled?: boolean; since: number | undefined }[]) {
  test(`enable ${name}: what was recorded before ${since ?? "any time"} never leaves`, () => {
    const config = enabled === undefined ? {} : { enabled };
    const record = enabledRecord({ nowMs: NOW, by: "x", agreed: undefined, local: false, before, config });
    expect(record).toEqual({
      choice: "enabled",
      decidedAtMs: NOW,
      decidedBy: "x",
      ...(since === undefined ? {} : { sinceMs: since }),
    });
  });
}

test("enable --local lets nothing leave, whatever held before", () => {
  const before = chose("enabled", { sinceMs: 1000 });
  const record = enabledRecord({ nowMs: NOW, by: "x", agreed: undefined, local: true, before });
  expect(record).toEqual({ choice: "local", decidedAtMs: NOW, decidedBy: "x" });
});

for (const { name, before, refused } of [
  { name: "nothing", before: none, refused: false },
  { name: "a yes", before: chose("enabled"), refused: false },
  { name: "disable", before: chose("disabled"), refused: true },
  { name: "a damaged file", before: { kind: "damaged", problem: "" }, refused: true },
  {
    name: "a forget that was cut off after disable",
    before: chose("forgetting", { refused: true }),
    refused: true,
  },
  {
    name: "a forget that was cut off after a yes",
    before: chose("forgetting", { refused: false }),
    refused: false,
  },
] satisfies { name: string; before: StoredConsent; refused: boolean }[]) {
  test(`forget after ${name} ${refused ? "keeps the no" : "keeps nothing"}`, () => {
    expect(forgettingRecord(before, { nowMs: NOW, by: "x" })).toMatchObject({
      choice: "forgetting",
      refused,
    });
  });
}

test("disable while a forget waits to be ended leaves it to be ended, and keeps the no", () => {
  const before = chose("forgetting", { refused: false });
  expect(disabledRecord({ nowMs: NOW, by: "x", before })).toMatchObject({
    choice: "forgetting",
    refused: true,
  });
});

test("disable is a no with its date", () => {
  expect(disabledRecord({ nowMs: NOW, by: "x" })).toEqual({
    choice: "disabled",
    decidedAtMs: NOW,
    decidedBy: "x",
  });
});
