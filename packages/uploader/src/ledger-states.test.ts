import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { expect, test } from "vitest";
import {
  asItIs,
  createReceiver,
  createTestBed,
  MINUTE,
  NOON,
  type ReceiverOptions,
  type TestBed,
} from "../test/harness.ts";
import { LEDGER_FILE, type UploadOptions } from "./index.ts";

const lost = { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut off", { inDoubt: true }) };
const refused = { error: new DeliveryError("ERR_DELIVERY_REJECTED", "answered with 400", { status: 400 }) };
const down = { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "refused", { inDoubt: false }) };

/** Four minutes of one session; their samples are 0 to 3. */
const samples = [1, 2, 3, 4].map((minute) => `a_total ${minute - 1}@${minute * MINUTE}`);

interface StateCase {
  readonly state: string;
  /** What the first upload's receiver answers; absent: there was no upload. */
  readonly answer?: ReceiverOptions["answer"];
  readonly meanwhile?: (bed: TestBed) => Promise<void>;
  /** Of the day file, in the ledger. */
  readonly status?: string;
  readonly record?: object;
  readonly next?: Partial<UploadOptions>;
  /** What the next upload sends, and with how many of them sent again. */
  readonly sends: readonly string[];
  readonly resent?: number;
}

const cases: StateCase[] = [
  { state: "new: all of it is sent", sends: samples },
  {
    state: "new, its receiver down: all of it is sent",
    answer: () => down,
    status: "failed",
    record: { accepted: 0, cursor: {} },
    sends: samples,
  },
  {
    state: "partly acknowledged: the rest is sent",
    answer: (n) => (n === 1 ? "take" : down),
    status: "partial",
    record: { accepted: 2, newest_ms: NOON + 2 * MINUTE, cursor: { aaaaaaaa: 1 } },
    sends: samples.slice(2),
  },
  {
    state: "ambiguous: the request in doubt goes first, as it was, then the rest",
    answer: (n) => (n === 1 ? lost : down),
    status: "failed",
    record: { accepted: 0, unknown: 0, cursor: {}, next: { from: 0, to: 2, in_doubt: true } },
    sends: samples,
    resent: 2,
  },
  {
    state: "refused: nothing is sent again",
    answer: () => refused,
    status: "failed",
    record: { accepted: 0, refused: 4, cursor: { aaaaaaaa: 3 } },
    sends: [],
  },
  {
    state: "done: nothing is sent",
    answer: () => "take",
    status: "success",
    record: { accepted: 4, newest_ms: NOON + 4 * MINUTE, cursor: { aaaaaaaa: 3 } },
    sends: [],
  },
  {
    state: "done, forced again: all of it is sent, with the same values",
    answer: () => "take",
    status: "success",
    next: { force: true },
    sends: samples,
  },
  {
    state: "missing: nobody knows of any acceptance, and all of it is sent",
    answer: () => "take",
    meanwhile: (bed) => rm(join(bed.dir, LEDGER_FILE)),
    sends: samples,
  },
];

for (const { state, answer, meanwhile, status, record, next = {}, sends, resent = 0 } of cases) {
  test(`ledger ${state}`, async (context) => {
    const bed = await createTestBed(context);
    for (const minute of [1, 2, 3, 4])
      await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
    if (answer) {
      const targets = [{ destination: createReceiver({ answer, maxSamples: 2 }), project: asItIs }];
      await bed.upload({ targets, timeoutMs: 0 });
    }
    if (status !== undefined) {
      const ledger = JSON.parse(await readFile(join(bed.dir, LEDGER_FILE), "utf8"));
      expect(ledger["2025-10-06.prom"].destinations.store.status).toBe(status);
      expect(ledger.destinations.store).toMatchObject(record ?? {});
    }
    await meanwhile?.(bed);

    const destination = createReceiver({ maxSamples: 2 });
    const report = await bed.upload({ targets: [{ destination, project: asItIs }], ...next });
    expect(destination.samples).toEqual(sends);
    expect(report.destinations[0]).toMatchObject({ accepted: sends.length, resent, failure: undefined });
    expect(report.verdict).toBe(0);
  });
}

for (const { damage, edit } of [
  { damage: "cut", edit: (text: string) => text.slice(0, -9) },
  {
    damage: "with a value that none of its fields has",
    edit: (text: string) => text.replace('"accepted":4', '"accepted":-4'),
  },
  {
    damage: "with a cursor that is another number",
    edit: (text: string) => text.replace('"aaaaaaaa":3', '"aaaaaaaa":2'),
  },
  { damage: "with a key that nobody knows", edit: (text: string) => text.replace('"cursor"', '"cursos"') },
]) {
  test(`ledger ${damage}: refused, and nothing is sent, written or guessed`, async (context) => {
    const bed = await createTestBed(context);
    for (const minute of [1, 2, 3, 4])
      await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
    const destination = createReceiver();
    const targets = [{ destination, project: asItIs }];
    await bed.upload({ targets });
    const path = join(bed.dir, LEDGER_FILE);
    const damaged = edit(await readFile(path, "utf8"));
    await writeFile(path, damaged);
    await expect(bed.upload({ targets, force: true })).rejects.toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
    expect(destination.bodies).toHaveLength(1);
    expect(await readFile(path, "utf8")).toBe(damaged);
  });
}
