/** Looks after a folder for ever. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { workerData } from "node:worker_threads";

writeFileSync(join(workerData, "begun"), "");
setInterval(() => undefined, 1000);
