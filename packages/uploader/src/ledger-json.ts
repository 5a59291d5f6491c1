import { crc32 } from "node:zlib";
import { dayOfFile } from "@promferry/core/journal";
import type { AdmittedValues } from "@promferry/core/merge";
import {
  booleanAt,
  countAt,
  fail,
  JsonShapeError,
  listAt,
  objectAt,
  recordAt,
  stringAt,
  wordAt,
} from "./json-value.ts";
import type { DestinationRecord, FileRecord, FormerRecord, Ledger, NextRequest } from "./ledger.ts";
import { LedgerError, unknownVersion } from "./ledger-error.ts";
import type { Cursor, SeqRange, SeqRanges } from "./seqs.ts";

/** What a ledger of version 2 begins with; the checksum (CRC-32) is over everything behind it. */
const HEAD = /^\{"v": 2, "crc32": "([0-9a-f]{8})",\n/;
const SESSION = /^[0-9a-f]{8}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const STATUSES = ["success", "partial", "failed"] as const;
const RECORD_KEYS = [
  "identity",
  "newest_ms",
  "accepted",
  "refused",
  "unknown",
  "lost_frames",
  "cursor",
  "late",
  "next",
  "admitted",
];

/**
 * Reads a ledger: version 2, or 1, which had no checksum. Nothing is guessed: a key or a value that it does not have is
 * refused, and so is every other change to version 2.
 *
 * @param path Named in errors.
 * @throws {LedgerError} `ERR_LEDGER_CORRUPT` or `ERR_LEDGER_VERSION`.
 */
export function parseLedger(text: string, path: string): Ledger {
  const value = parseJson(text, path);
  try {
    const { v, ...content } = objectAt(value, "ledger");
    if (v === undefined) fail("v", "the version, 1 or 2", v);
    if (v !== 1 && v !== 2) throw unknownVersion(path, v, "1 and 2");
    const { destinations, former, ...files } = v === 2 ? checked(content, text) : content;
    return {
      destinations: new Map(
        entriesAt(destinations, "destinations").map(([name, each]) => [
          name,
          destinationAt(recordAt(each, `destinations.${name}`, RECORD_KEYS), `destinations.${name}`),
        ]),
      ),
      former: listAt(former ?? [], "former").map((each, i) => formerAt(each, `former[${i}]`)),
      files: new Map(Object.entries(files).map(([file, each]) => [file, fileAt(each, file)])),
    };
  } catch (error) {
    if (!(error instanceof JsonShapeError)) throw error;
    throw corrupt(path, error.message, error);
  }
}

/** The content of a ledger of version 2, once its checksum was found right. */
function checked(
  { crc32: _, ...content }: Readonly<Record<string, unknown>>,
  text: string,
): Readonly<Record<string, unknown>> {
  const head = HEAD.exec(text);
  if (head === null)
    fail("crc32", "a checksum of 8 hexadecimal digits behind the version", text.slice(0, 40));
  const sum = sumOf(text.slice(head[0].length));
  if (sum !== head[1]) fail("crc32", `${sum}, the checksum of what the file holds`, head[1]);
  return content;
}

function sumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** A ledger as JSON of version 2, in the form of the seed, a line for each entry. */
export function formatLedger(ledger: Ledger): string {
  const top: Record<string, unknown> = {};
  for (const [file, byName] of [...ledger.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    top[file] = {
      destinations: Object.fromEntries([...byName].map(([name, each]) => [name, fileJson(each)])),
    };
  }
  top["destinations"] = Object.fromEntries(
    [...ledger.destinations].map(([name, record]) => [name, recordJson(record)]),
  );
  if (ledger.former.length > 0) {
    top["former"] = ledger.former.map((record) => ({ name: record.name, ...recordJson(record) }));
  }
  const lines = Object.entries(top).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const body = `${lines.join(",\n")}}\n`;
  return `{"v": 2, "crc32": "${sumOf(body)}",\n${body}`;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error as SyntaxError).message;
    const offset = /at position (\d+)/.exec(message)?.[1];
    const before = text.slice(0, offset === undefined ? text.length : Number(offset));
    const line = before.split("\n").length;
    const column = before.length - before.lastIndexOf("\n");
    throw corrupt(path, `line ${line}, column ${column}: ${message.slice(0, 120)}`, error);
  }
}

function corrupt(path: string, detail: string, cause: unknown): LedgerError {
  return new LedgerError(
    "ERR_LEDGER_CORRUPT",
    `${path}: ${detail}; it says what each destination has, so nothing is sent while it cannot be read. Bring it back from a copy, or move it away to send everything again`,
    path,
    cause,
  );
}

function fileAt(value: unknown, file: string): ReadonlyMap<string, FileRecord> {
  if (dayOfFile(file) === undefined) fail(file, "the name of a day file or a key of the ledger", value);
  const { destinations } = recordAt(value, file, ["destinations"]);
  const keys = ["uploaded_at", "status", "metrics_count", "refused", "unknown", "passed_over"];
  return new Map(
    entriesAt(destinations, `${file}.destinations`).map(([name, each]) => {
      const path = `${file}.destinations.${name}`;
      const record = recordAt(each, path, keys);
      return [
        name,
        {
          uploadedAt: stringAt(record["uploaded_at"], `${path}.uploaded_at`),
          status: wordAt(record["status"], `${path}.status`, STATUSES),
          metricsCount: countAt(record["metrics_count"], `${path}.metrics_count`),
          refused: countAt(record["refused"] ?? 0, `${path}.refused`),
          unknown: countAt(record["unknown"] ?? 0, `${path}.unknown`),
          passedOver: countAt(record["passed_over"] ?? 0, `${path}.passed_over`),
        },
      ];
    }),
  );
}

function formerAt(value: unknown, path: string): FormerRecord {
  const record = recordAt(value, path, ["name", ...RECORD_KEYS]);
  return { name: stringAt(record["name"], `${path}.name`), ...destinationAt(record, path) };
}

function destinationAt(record: Readonly<Record<string, unknown>>, path: string): DestinationRecord {
  const { newest_ms: newest, late, next, admitted } = record;
  return {
    identity: digestAt(record["identity"], `${path}.identity`),
    newestMs: newest === undefined ? undefined : countAt(newest, `${path}.newest_ms`),
    accepted: countAt(record["accepted"], `${path}.accepted`),
    refused: countAt(record["refused"], `${path}.refused`),
    unknown: countAt(record["unknown"], `${path}.unknown`),
    lostFrames: countAt(record["lost_frames"] ?? 0, `${path}.lost_frames`),
    cursor: cursorAt(record["cursor"], `${path}.cursor`),
    late: rangesAt(late ?? {}, `${path}.late`),
    next: next === undefined ? undefined : nextAt(next, `${path}.next`),
    ...(admitted !== undefined && { admitted: admittedAt(admitted, `${path}.admitted`) }),
  };
}

function admittedAt(value: unknown, path: string): AdmittedValues {
  for (const [metric, labels] of entriesAt(value, path)) {
    for (const [label, values] of entriesAt(labels, `${path}.${metric}`)) {
      const at = `${path}.${metric}.${label}`;
      for (const [i, each] of listAt(values, at).entries()) stringAt(each, `${at}[${i}]`);
    }
  }
  return value as AdmittedValues;
}

const NEXT_KEYS = [
  "frames",
  "passed",
  "forced",
  "base_ms",
  "settle_ms",
  "as_of_ms",
  "from",
  "to",
  "digest",
  "block_samples",
  "after_ms",
  "newest_ms",
  "in_doubt",
  "doubt_to",
  "suspects",
];

function nextAt(value: unknown, path: string): NextRequest {
  const next = recordAt(value, path, NEXT_KEYS);
  const { settle_ms: settle, after_ms: after, base_ms: base, block_samples: block } = next;
  const from = countAt(next["from"], `${path}.from`);
  const to = countAt(next["to"], `${path}.to`);
  const suspects = countAt(next["suspects"] ?? 0, `${path}.suspects`);
  if (to <= from) fail(`${path}.to`, `more than from, ${from}`, to);
  if (suspects > from) fail(`${path}.suspects`, `at most from, ${from}`, suspects);
  return {
    frames: rangesAt(next["frames"], `${path}.frames`),
    passed: rangesAt(next["passed"] ?? {}, `${path}.passed`),
    forced: booleanAt(next["forced"] ?? false, `${path}.forced`),
    baseMs: base === undefined ? undefined : countAt(base, `${path}.base_ms`),
    settleMs: settle === undefined ? undefined : countAt(settle, `${path}.settle_ms`),
    asOfMs: countAt(next["as_of_ms"], `${path}.as_of_ms`),
    from,
    to,
    digest: digestAt(next["digest"], `${path}.digest`),
    blockSamples: block === undefined ? undefined : countAt(block, `${path}.block_samples`),
    afterMs: after === undefined ? undefined : countAt(after, `${path}.after_ms`),
    newestMs: countAt(next["newest_ms"], `${path}.newest_ms`),
    inDoubt: booleanAt(next["in_doubt"], `${path}.in_doubt`),
    doubtTo: countAt(next["doubt_to"] ?? 0, `${path}.doubt_to`),
    suspects,
  };
}

function entriesAt(value: unknown, path: string): [string, unknown][] {
  return Object.entries(objectAt(value, path));
}

function digestAt(value: unknown, path: string): string {
  const digest = stringAt(value, path);
  if (!DIGEST.test(digest)) fail(path, "sha256: and 64 hexadecimal digits", value);
  return digest;
}

function sessionAt(session: string, path: string): string {
  if (!SESSION.test(session)) fail(`${path}.${session}`, "a session, eight hexadecimal digits", session);
  return session;
}

function cursorAt(value: unknown, path: string): Cursor {
  return new Map(
    entriesAt(value, path).map(([session, seq]) => [
      sessionAt(session, path),
      countAt(seq, `${path}.${session}`),
    ]),
  );
}

function rangesAt(value: unknown, path: string): SeqRanges {
  return new Map(
    entriesAt(value, path).map(([session, list]) => {
      const at = `${path}.${sessionAt(session, path)}`;
      return [session, listAt(list, at).map((range, i) => rangeAt(range, `${at}[${i}]`))];
    }),
  );
}

function rangeAt(value: unknown, path: string): SeqRange {
  const [first, last, ...more] = listAt(value, path);
  const range: SeqRange = [countAt(first, `${path}[0]`), countAt(last, `${path}[1]`)];
  if (more.length > 0 || range[1] < range[0]) fail(path, "a first and a last number", value);
  return range;
}

function fileJson(record: FileRecord): Record<string, unknown> {
  return {
    uploaded_at: record.uploadedAt,
    status: record.status,
    metrics_count: record.metricsCount,
    ...(record.refused > 0 && { refused: record.refused }),
    ...(record.unknown > 0 && { unknown: record.unknown }),
    ...(record.passedOver > 0 && { passed_over: record.passedOver }),
  };
}

function recordJson(record: DestinationRecord): Record<string, unknown> {
  const { next } = record;
  return {
    identity: record.identity,
    ...(record.newestMs !== undefined && { newest_ms: record.newestMs }),
    accepted: record.accepted,
    refused: record.refused,
    unknown: record.unknown,
    ...(record.lostFrames > 0 && { lost_frames: record.lostFrames }),
    cursor: Object.fromEntries(record.cursor),
    ...(record.late.size > 0 && { late: Object.fromEntries(record.late) }),
    ...(next && { next: nextJson(next) }),
    ...(record.admitted && { admitted: record.admitted }),
  };
}

function nextJson(next: NextRequest): Record<string, unknown> {
  return {
    frames: Object.fromEntries(next.frames),
    ...(next.passed.size > 0 && { passed: Object.fromEntries(next.passed) }),
    ...(next.forced && { forced: true }),
    ...(next.baseMs !== undefined && { base_ms: next.baseMs }),
    ...(next.settleMs !== undefined && { settle_ms: next.settleMs }),
    as_of_ms: next.asOfMs,
    from: next.from,
    to: next.to,
    digest: next.digest,
    ...(next.blockSamples !== undefined && { block_samples: next.blockSamples }),
    ...(next.afterMs !== undefined && { after_ms: next.afterMs }),
    newest_ms: next.newestMs,
    in_doubt: next.inDoubt,
    ...(next.doubtTo > 0 && { doubt_to: next.doubtTo }),
    ...(next.suspects > 0 && { suspects: next.suspects }),
  };
}
