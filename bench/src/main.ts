/**
 * Runs every comparison and prints ratios. `--only PREFIX` runs some of them; `--rounds N` (default 5) is how often
 * each program of the whole-process cases runs; `--write` puts the table of a whole run into README.md. Needs a build
 * of the packages (`turbo run build`), since whole processes run what is published.
 */

import { parseArgs } from "node:util";
import { encodeRequests } from "./cases/encode.ts";
import { flushRegistries } from "./cases/registry.ts";
import { compressRequests } from "./cases/snappy.ts";
import { parsePages } from "./cases/text-format.ts";
import { uploadJournals } from "./cases/upload.ts";
import { parsePageFiles } from "./cases/whole-process.ts";
import { compareInProcess } from "./in-process.ts";
import { type Row, table, writeTable } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    write: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);
const isChosen = ({ name }: { readonly name: string }) => name.startsWith(options.only);

const rows: Row[] = [];
for (const each of [...parsePages, ...encodeRequests, ...compressRequests, ...flushRegistries].filter(
  isChosen,
)) {
  rows.push(...(await compareInProcess(each)));
}
rows.push(...parsePageFiles(rounds, isChosen));
rows.push(...(await uploadJournals(Math.min(rounds, 3), isChosen)));

console.log(table(rows));
if (options.write) {
  if (options.only !== "") throw new Error("--write wants a whole run, without --only");
  writeTable(rows);
}
