import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counter, defineMetrics } from "@promferry/core";
import { openJournal } from "@promferry/core/journal";
import { type ConsentRecord, readConsent, writeConsent } from "@promferry/privacy";
import { expect, onTestFinished, test } from "vitest";
import { type CollectorOptions, createCollector } from "./index.ts";

const NOW = Date.UTC(2025, 9, 6, 14, 30);
const terminal = { inputIsTerminal: true, outputIsTerminal: true };

function setUp(options: Partial<CollectorOptions> = {}) {
  const parent = mkdtempSync(join(tmpdir(), "promferry-question-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const dir = join(parent, "metrics");
  const metrics = defineMetrics(
    { namespace: "k1" },
    { views: counter({ name: "views_total", help: "Screens opened.", labels: { screen: ["pods"] } }) },
  );
  const errors: Error[] = [];
  const telemetry = createCollector({
    app: "k1",
    dir,
    catalogue: metrics,
    env: {},
    now: () => NOW,
    onError: (error) => errors.push(error),
    ...options,
  });
  onTestFinished(() => telemetry.stop());
  return { dir, parent, metrics, telemetry, errors };
}

const decided = (choice: ConsentRecord["choice"], more: Partial<ConsentRecord> = {}): ConsentRecord => ({
  choice,
  decidedAtMs: 1,
  decidedBy: "a test",
  ...more,
});

test("at the first run there is a question, which says what is counted, where, and how to say no", () => {
  const { telemetry, dir, parent } = setUp();
  expect(telemetry.question(terminal)).toEqual({
    about: "first",
    added: [],
    text: `k1 can count how it is used:
  k1_dropped_series_total: Label values and observations that were not recorded as given, by reason.
  k1_views_total: Screens opened.
The counts are kept in ${dir}, for you to read, and leave only by an upload that you set up.
A no is for good; K1_TELEMETRY=off says no as well.
May k1 count?`,
  });
  expect(readdirSync(parent)).toEqual([]);
});

for (const { name, options = {}, place = terminal, record } of [
  { name: "without a terminal", place: { ...terminal, inputIsTerminal: false } },
  { name: "where the question goes to a file", place: { ...terminal, outputIsTerminal: false } },
  { name: "in continuous integration", options: { env: { CI: "true" } } },
  { name: "where DO_NOT_TRACK is set", options: { env: { DO_NOT_TRACK: "1" } } },
  { name: "where K1_TELEMETRY=off", options: { env: { K1_TELEMETRY: "off" } } },
  { name: "where the configuration says no", options: { consent: { config: { enabled: false } } } },
  { name: "where the configuration says yes", options: { consent: { config: { enabled: true } } } },
  { name: "where this run has the flag", options: { consent: { flag: true } } },
  { name: "after disable", record: decided("disabled") },
  { name: "after enable", record: decided("enabled") },
  { name: "after enable --local", record: decided("local") },
  { name: "while a forget waits to be ended", record: decided("forgetting") },
] as {
  name: string;
  options?: Partial<CollectorOptions>;
  place?: { inputIsTerminal: boolean; outputIsTerminal: boolean };
  record?: ConsentRecord;
}[]) {
  test(`nothing is asked ${name}`, async () => {
    const { telemetry, dir } = setUp(options);
    if (record) await writeConsent(dir, record);
    expect(telemetry.question(place)).toBeUndefined();
  });
}

test("a test's own standard streams are no terminal", () => {
  expect(setUp({ env: { CI: "" } }).telemetry.question({ inputIsTerminal: false })).toBeUndefined();
});

for (const { answer, state, choice } of [
  { answer: "upload", state: "upload", choice: "enabled" },
  { answer: "local", state: "local", choice: "local" },
  { answer: "off", state: "off", choice: "disabled" },
] as const) {
  test(`the answer ${answer} is kept, and not asked for again`, async () => {
    const { telemetry, dir, metrics } = setUp();
    expect(await telemetry.decide(answer)).toMatchObject({ state, notAgreedTo: [] });
    expect(readConsent(dir)).toMatchObject({
      record: { choice, decidedAtMs: NOW, decidedBy: "the program k1, which asked" },
    });
    expect(telemetry.question(terminal)).toBeUndefined();
    metrics.views.inc({ screen: "pods" });
    await telemetry.start();
    expect((await openJournal(dir, { now: () => NOW }).index()).frames).toHaveLength(state === "off" ? 0 : 1);
  });
}

test("what was counted before the answer is in no total", async () => {
  const { telemetry, dir, metrics } = setUp();
  metrics.views.inc({ screen: "pods" }, 7);
  await telemetry.decide("upload");
  await telemetry.start();
  const { frames } = await openJournal(dir, { now: () => NOW }).index();
  // No start frame: what a session shows first is where it counts from.
  expect(frames.map(({ header }) => `${header.seq} ${header.kind}`)).toEqual(["0 full"]);
});

test("what a new version adds is asked for, and agreed to by the answer", async () => {
  const { telemetry, dir, metrics } = setUp();
  const agreed = { ...metrics.catalogue, metrics: metrics.catalogue.metrics.slice(0, 1) };
  await writeConsent(dir, decided("enabled", { agreed, sinceMs: 5 }));
  expect(telemetry.consent().notAgreedTo).toEqual([{ metric: "k1_views_total" }]);
  expect(telemetry.question(terminal)).toEqual({
    about: "added",
    added: [{ metric: "k1_views_total" }],
    text: "k1 can count more than you agreed to:\n  k1_views_total\nMay k1 count that as well?",
  });
  await telemetry.decide("upload");
  expect(readConsent(dir)).toMatchObject({ record: { agreed: metrics.catalogue, sinceMs: 5 } });
  expect(telemetry.question(terminal)).toBeUndefined();
});

test("an answer that can't be kept is told, and changes nothing", async () => {
  const { telemetry, parent, errors } = setUp();
  writeFileSync(join(parent, "metrics"), "a file where the folder should be");
  expect(await telemetry.decide("upload")).toMatchObject({ state: "off" });
  expect(errors).toHaveLength(1);
  expect(telemetry.status().failed).toBe(1);
});

test("an answer that is none of the three is told, and is no yes", async () => {
  const { telemetry, errors } = setUp();
  expect(await telemetry.decide("no" as "off")).toMatchObject({ state: "off" });
  expect(errors).toMatchObject([{ message: 'decide: expected "upload", "local" or "off", got no' }]);
});

test("nobody can agree while a forget waits to be ended", async () => {
  const { telemetry, dir } = setUp();
  await writeConsent(dir, decided("forgetting", { refused: false }));
  expect(await telemetry.decide("upload")).toMatchObject({ state: "off" });
  expect(readConsent(dir)).toMatchObject({ record: { choice: "forgetting" } });
});
