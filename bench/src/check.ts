/**
 * The short form for CI: measures what needs no server again and exits 1 where a ratio is 30 % worse than the one in
 * README.md, or not in it at all. A ratio that looks worse is measured again, up to twice and as long as the table was:
 * noise goes, a loss stays.
 */
import { encodeRequests } from "./cases/encode.ts";
import { flushRegistries } from "./cases/registry.ts";
import { compressRequests } from "./cases/snappy.ts";
import { parsePages } from "./cases/text-format.ts";
import { compareInProcess } from "./in-process.ts";
import { type Row, readTable, rowKey } from "./table.ts";

const ALLOWED = 0.7;
const QUICK = { rounds: 9, roundMs: 30, times: 1 };
const MORE_ATTEMPTS = 2;

const known = readTable();
const isWorse = (row: Row) => row.ratio < ALLOWED * (known.get(rowKey(row)) ?? Number.POSITIVE_INFINITY);

for (const comparison of [
  ...parsePages,
  ...encodeRequests,
  ...compressRequests,
  ...flushRegistries.slice(0, 1),
]) {
  let rows = await compareInProcess(comparison, QUICK);
  for (let more = 0; more < MORE_ATTEMPTS && rows.some(isWorse); more++) {
    const again = await compareInProcess(comparison);
    rows = rows.map((row, i) => (again[i]!.ratio > row.ratio ? again[i]! : row));
  }
  for (const row of rows) {
    const before = known.get(rowKey(row));
    const verdict = isWorse(row) ? "FAILED" : "ok";
    console.log(
      `${row.name} against ${row.peer}: ${row.ratio.toFixed(2)}, table ${before?.toFixed(2) ?? "-"} ${verdict}`,
    );
    if (isWorse(row)) process.exitCode = 1;
  }
}
