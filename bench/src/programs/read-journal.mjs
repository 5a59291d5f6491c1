/**
 * Indexes a journal and reads all of its frames, as an upload does: `read-journal.mjs DIRECTORY`. Prints
 * its own cost as JSON.
 */
import { openJournal } from "@promferry/core/journal";
import { ownCost } from "./own-cost.mjs";

const journal = openJournal(process.argv[2] ?? "");
let families = 0;
for (const frame of (await journal.index()).frames) families += (await journal.read(frame)).families.length;
console.log(JSON.stringify({ families, ...ownCost() }));
