import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counter, defineMetrics } from "@promferry/core";
import { nodeJournalFs } from "@promferry/core/journal";
import { expect, onTestFinished, test } from "vitest";
import {
  type ConsentRecord,
  formatConsent,
  isConsentFile,
  parseConsent,
  readConsent,
  writeConsent,
} from "./consent-file.ts";

const AT = Date.UTC(2025, 9, 6, 14, 30);
const { catalogue } = defineMetrics(
  { namespace: "k1" },
  { views: counter({ name: "views_total", help: "Views.", labels: { screen: ["pods"] } }) },
);
const YES: ConsentRecord = {
  choice: "enabled",
  decidedAtMs: AT,
  decidedBy: "a person at a terminal",
  sinceMs: AT,
  agreed: catalogue,
};

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "promferry-consent-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

for (const record of [
  YES,
  { choice: "local", decidedAtMs: AT, decidedBy: "" },
  { choice: "disabled", decidedAtMs: AT, decidedBy: "--yes" },
  { choice: "forgetting", decidedAtMs: AT, decidedBy: "x", refused: true },
] satisfies ConsentRecord[]) {
  test(`a record of ${record.choice} is read as it was written`, async () => {
    const dir = join(directory(), "k1", "metrics");
    await writeConsent(dir, record);
    expect(readConsent(dir)).toEqual({ kind: "decided", record });
    expect(statSync(join(dir, "consent.json")).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir)).toEqual(["consent.json"]);
  });
}

test("no file is no decision, and neither is a directory that is none", () => {
  const dir = directory();
  writeFileSync(join(dir, "file"), "");
  expect(readConsent(dir)).toEqual({ kind: "none" });
  expect(readConsent(join(dir, "missing"))).toEqual({ kind: "none" });
  expect(readConsent(join(dir, "file"))).toEqual({ kind: "none" });
});

test("no byte of the file can be lost or changed without it being told", () => {
  const text = formatConsent(YES);
  // Without the line feed at the end it says the same.
  for (let i = 0; i < text.length - 1; i++) {
    expect(() => parseConsent(text.slice(0, i)), `cut at ${i}`).toThrow();
    const flipped = text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ 1) + text.slice(i + 1);
    let read: ConsentRecord | undefined;
    try {
      read = parseConsent(flipped);
    } catch {
      continue;
    }
    // What is left are flips between blanks and the like, which mean nothing in JSON.
    expect(read, `flipped at ${i}`).toEqual(YES);
  }
});

for (const { text, problem } of [
  { text: "", problem: "not JSON" },
  { text: "[]", problem: "expected a JSON object" },
  { text: '{"v":2}', problem: "version 2: expected 1; update this program" },
  { text: '{"v":1,"choice":"enabled"}', problem: "its check sum is wrong" },
]) {
  test(`${JSON.stringify(text)} is no consent: ${problem}`, () => {
    const dir = directory();
    writeFileSync(join(dir, "consent.json"), text);
    const read = readConsent(dir);
    expect(read).toMatchObject({ kind: "damaged" });
    expect("problem" in read && read.problem).toContain(`${join(dir, "consent.json")}: ${problem}`);
  });
}

test("a file that is far too long is not read", () => {
  const dir = directory();
  writeFileSync(join(dir, "consent.json"), Buffer.alloc(5 * 1024 * 1024, " "));
  expect(readConsent(dir)).toMatchObject({ kind: "damaged" });
});

test("what the file system doesn't let through is unreadable, not absent", () => {
  const dir = directory();
  // A directory in its place: readable by nobody, not even by root.
  nodeJournalFs.makeDirectorySync(join(dir, "consent.json"));
  expect(readConsent(dir)).toMatchObject({ kind: "unreadable" });
});

for (const call of ["openAppend", "rename"] as const) {
  test(`a failure of ${call} leaves the decision before as it was`, async () => {
    const dir = directory();
    await writeConsent(dir, YES);
    const fails = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOSPC" }));
    const fs = { ...nodeJournalFs, [call]: fails };
    await expect(writeConsent(dir, { ...YES, choice: "disabled" }, fs)).rejects.toThrow("no");
    expect(readConsent(dir)).toMatchObject({ record: { choice: "enabled" } });
    expect(readdirSync(dir)).toEqual(["consent.json"]);
  });
}

test("a disk that takes a part only leaves the decision before as it was", async () => {
  const dir = directory();
  await writeConsent(dir, YES);
  const fs = {
    ...nodeJournalFs,
    async openAppend(path: string) {
      const file = await nodeJournalFs.openAppend(path);
      return { ...file, append: (bytes: Uint8Array) => file.append(bytes.subarray(0, 20)) };
    },
  };
  await expect(writeConsent(dir, YES, fs)).rejects.toMatchObject({ code: "EIO" });
  expect(readConsent(dir)).toMatchObject({ record: { choice: "enabled" } });
  expect(readdirSync(dir)).toEqual(["consent.json"]);
});

test("a write that wasn't finished is known by its name", () => {
  expect(["consent.json", "consent.json.0123456789ab.tmp", "consent.json.bak"].map(isConsentFile)).toEqual([
    true,
    true,
    false,
  ]);
});

test("the file says in plain words what was agreed to, and by whom", async () => {
  const dir = directory();
  await writeConsent(dir, YES);
  const text = readFileSync(join(dir, "consent.json"), "utf8");
  for (const word of [
    '"decided_by": "a person at a terminal"',
    "2025-10-06T14:30:00.000Z",
    "k1_views_total",
  ]) {
    expect(text).toContain(word);
  }
});
