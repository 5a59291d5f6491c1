import { expect, test } from "vitest";
import { formatLedger, LedgerError, parseLedger } from "./index.ts";

const identity = `sha256:${"0".repeat(64)}`;

/** Ledger v1 as it may stand on any user's disk: what reads it must go on reading it. */
const v1 = `{"v": 1,
"2025-10-05.prom": {"destinations":{"grafana":{"uploaded_at":"2025-10-06T20:00:00.000Z","status":"partial","metrics_count":0,"passed_over":12}}},
"2025-10-06.prom": {"destinations":{"grafana":{"uploaded_at":"2025-10-06T20:00:00.000Z","status":"success","metrics_count":1234},"gateway":{"uploaded_at":"2025-10-06T20:00:01.000Z","status":"failed","metrics_count":0,"refused":3,"unknown":1}}},
"destinations": {"grafana":{"identity":"${identity}","newest_ms":1759761000000,"accepted":1234,"refused":2,"unknown":1,"cursor":{"3f9c2a17":12},"late":{"3f9c2a17":[[3,4],[9,9]]},"next":{"frames":{"3f9c2a17":[[13,14]]},"passed":{"00000001":[[0,2]]},"forced":true,"base_ms":1759760000000,"as_of_ms":1759761100000,"from":5,"to":9,"digest":"${identity}","after_ms":1759761000001,"newest_ms":1759761000002,"in_doubt":true,"doubt_to":9,"suspects":1}},"gateway":{"identity":"${identity}","accepted":0,"refused":3,"unknown":1,"cursor":{},"next":{"frames":{},"settle_ms":7,"as_of_ms":9,"from":0,"to":1,"digest":"${identity}","newest_ms":7,"in_doubt":false}}},
"former": [{"name":"grafana","identity":"${identity}","accepted":1,"refused":0,"unknown":0,"cursor":{"3f9c2a17":1}}]}
`;

/** The same in the form that is written now. */
const v2 = `{"v": 2, "crc32": "dc2790a5",\n${v1.slice('{"v": 1,\n'.length)}`;

test("ledger v1 is read, and written back as v2: with a checksum and else as it was", () => {
  expect(formatLedger(parseLedger(v1, ".uploaded"))).toBe(v2);
  expect(formatLedger(parseLedger(v2, ".uploaded"))).toBe(v2);
});

test("no bit of ledger v2 can flip unseen, nor its end be cut off", () => {
  const bytes = Buffer.from(v2);
  for (let i = 0; i < bytes.length; i++) {
    for (const damaged of [flipped(bytes, i), bytes.subarray(0, i)]) {
      expect(() => parseLedger(damaged.toString("utf8"), ".uploaded"), `byte ${i}`).toThrow(LedgerError);
    }
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1 << (at % 8);
  return copy;
}

test("a destination may have any name", () => {
  const record = { identity, accepted: 0, refused: 0, unknown: 0, cursor: {} };
  const names = ["destinations", "__proto__", "v", "2025-10-06.prom", "a b"];
  const text = `{"v":1,"destinations":{${names.map((name) => `"${name}":${JSON.stringify(record)}`)}}}`;
  const ledger = parseLedger(text, ".uploaded");
  expect([...ledger.destinations.keys()].sort()).toEqual([...names].sort());
  expect([...parseLedger(formatLedger(ledger), ".uploaded").destinations.keys()]).toHaveLength(5);
});

test("the values that a destination was shown are read back as they were written", () => {
  const admitted = { k1_views_total: { screen: ["pods", 'a "b"'], ["__proto__"]: ["x"] } };
  const text = formatLedger(parseLedger(grafana(`,"admitted":${JSON.stringify(admitted)}`), ".uploaded"));
  expect(parseLedger(text, ".uploaded").destinations.get("grafana")?.admitted).toEqual(admitted);
});

const grafana = (more: string) =>
  `{"v":1,"destinations":{"grafana":{"identity":"${identity}","accepted":0,"refused":0,"unknown":0,"cursor":{}${more}}}}`;
const next = (more: string) =>
  grafana(
    `,"next":{"frames":{},"as_of_ms":1,"from":0,"to":1,"digest":"${identity}","newest_ms":1,"in_doubt":true${more}}`,
  );

test("how the samples of a request stood in blocks is read back as it was written", () => {
  for (const blockSamples of [undefined, 20_000]) {
    const text = next(blockSamples === undefined ? "" : `,"block_samples":${blockSamples}`);
    const again = parseLedger(formatLedger(parseLedger(text, ".uploaded")), ".uploaded");
    expect(again.destinations.get("grafana")?.next?.blockSamples).toBe(blockSamples);
  }
});

for (const { name, text, message, code = "ERR_LEDGER_CORRUPT" } of [
  { name: "an empty file", text: "", message: "/d/.uploaded: line 1, column 1: " },
  { name: "a cut file", text: v1.slice(0, 300), message: "/d/.uploaded: line 3, column " },
  { name: "a list", text: "[]", message: "ledger: expected an object, found []" },
  { name: "no version", text: "{}", message: "v: expected the version, 1 or 2, found nothing" },
  {
    name: "a later version",
    text: '{"v":3}',
    message: "/d/.uploaded: its version is 3 and this program knows 1 and 2; use the program that wrote it",
    code: "ERR_LEDGER_VERSION",
  },
  {
    name: "another number in a place where any would do",
    text: v2.replace('"accepted":1234', '"accepted":1235'),
    message: "/d/.uploaded: crc32: expected ",
  },
  {
    name: "no checksum",
    text: v1.replace('"v": 1', '"v": 2'),
    message: "crc32: expected a checksum of 8 hexadecimal digits behind the version",
  },
  { name: "no destinations", text: '{"v":1}', message: "destinations: expected an object, found nothing" },
  {
    name: "a key that is no day file",
    text: '{"v":1,"destinations":{},"2025-13-06.prom":{}}',
    message: "2025-13-06.prom: expected the name of a day file or a key of the ledger, found {}",
  },
  {
    name: "a status of its own",
    text: '{"v":1,"destinations":{},"2025-10-06.prom":{"destinations":{"a":{"uploaded_at":"x","status":"done","metrics_count":1}}}}',
    message:
      '2025-10-06.prom.destinations.a.status: expected "success" or "partial" or "failed", found "done"',
  },
  {
    name: "a key of its own",
    text: grafana(',"seen":1'),
    message: "destinations.grafana.seen: expected no such key",
  },
  {
    name: "a negative number",
    text: grafana(',"newest_ms":-1'),
    message: "destinations.grafana.newest_ms: expected a whole number from 0 on, found -1",
  },
  {
    name: "a session that is none",
    text: grafana(',"late":{"XYZ":[]}'),
    message: 'destinations.grafana.late.XYZ: expected a session, eight hexadecimal digits, found "XYZ"',
  },
  {
    name: "a label's value that is no text",
    text: grafana(',"admitted":{"x":{"a":["p",1]}}'),
    message: "destinations.grafana.admitted.x.a[1]: expected a string, found 1",
  },
  {
    name: "a range from back to front",
    text: grafana(',"late":{"3f9c2a17":[[2,1]]}'),
    message: "destinations.grafana.late.3f9c2a17[0]: expected a first and a last number, found [2,1]",
  },
  {
    name: "more suspects than samples",
    text: next(',"suspects":1'),
    message: "destinations.grafana.next.suspects: expected at most from, 0, found 1",
  },
]) {
  test(`the ledger is refused for ${name}, with the place`, () => {
    let error: unknown;
    try {
      parseLedger(text, "/d/.uploaded");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(LedgerError);
    expect(error).toMatchObject({ code, path: "/d/.uploaded" });
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).toMatch(/^\/d\/\.uploaded: /);
  });
}
