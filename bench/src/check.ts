/**
 * The short form for CI: measures what needs no server again and exits 1 where a ratio is 30 % worse than the one in
 * README.md. A ratio that looks worse is measured up to three times, longer each time: noise goes, a loss stays.
 */
import { encodeRequests } from "./cases/encode.ts";
import { flushRegistries } from "./cases/registry.ts";
import { compressRequests } from "./cases/snappy.ts";
import { parsePages } from "./cases/text-format.ts";
import { compareInProcess } from "./in-process.ts";
import { type Row, readTable, rowKey } from "./table.ts";

const ALLOWED = 0.7;
const ATTEMPTS = 3;

const known = readTable();
const isWorse = (row: Row) => row.ratio < ALLOWED * (known.get(rowKey(row)) ?? 0);

for (const comparison of [
  ...parsePages,
  ...encodeRequests,
  ...compressRequests,
  ...flushRegistries.slice(0, 1),
]) {
  let rows = await compareInProcess(comparison, { rounds: 5, roundMs: 20 });
  for (let attempt = 2; attempt <= ATTEMPTS && rows.some(isWorse); attempt++) {
    const again = await compareInProcess(comparison, { rounds: 4 * attempt + 1, roundMs: 20 * attempt });
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
