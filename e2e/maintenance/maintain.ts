/** What an embedding program runs in a thread of its own: keeps the folder small. */
import { workerData } from "node:worker_threads";
import { openJournal } from "@promferry/core/journal";
import { maintainJournal } from "@promferry/uploader";

await maintainJournal({ journal: openJournal(workerData), cleanup: { maxBytes: 256 * 1024 ** 2 } });
