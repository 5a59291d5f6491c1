/** The thread of `createWorkshop`: one job in, one outcome out. */
import { parentPort } from "node:worker_threads";
import { doUserDataJob, type UserDataJob } from "./job.ts";

parentPort?.on("message", (job: UserDataJob) => {
  parentPort?.postMessage(doUserDataJob(job));
});
