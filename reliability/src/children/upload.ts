/** An upload with retention and compression at a simulated time, which may be killed while it works. */
import { openJournal } from "@promferry/core/journal";
import { consentIn } from "@promferry/privacy";
import { UploadBusyError, upload } from "@promferry/uploader";
import { compressClosedDays } from "../simulation/compress-closed-days.ts";
import { postDestination } from "../simulation/post-destination.ts";
import { createKillPoint, type KillPoint } from "./kill-point.ts";

export interface UploadTask {
  readonly dir: string;
  readonly url: string;
  /** Absent: this machine's clock. */
  readonly nowMs?: number;
  readonly cleans: boolean;
  readonly compresses: boolean;
  /** Whether consent is asked, with a configuration that says yes. */
  readonly asksConsent?: boolean;
  readonly kill: KillPoint;
}

/** The exit code of an upload that another one kept from its work. */
const BUSY = 75;

const task = JSON.parse(process.argv[2]!) as UploadTask;
const { fs, call } = createKillPoint(task.kill);
const now = () => task.nowMs ?? Date.now();
const destination = postDestination(task.url, call);
try {
  const report = await upload({
    journal: openJournal(task.dir, { fs, now }),
    targets: [{ destination, project: ({ name, labels }) => ({ name, labels }) }],
    fs,
    now,
    sendNow: task.nowMs === undefined,
    ...(task.cleans ? { cleanup: {} } : {}),
    ...(task.asksConsent ? { mayLeave } : {}),
  });
  const { failure } = report.destinations[0]!;
  if (failure !== undefined && failure.code !== "ERR_UPLOAD_BUSY") throw new Error(failure.message);
  if (task.compresses) await compressClosedDays(openJournal(task.dir, { fs, now }));
  process.stdout.write(JSON.stringify({ deleted: report.deleted.length }));
} catch (error) {
  if (!(error instanceof UploadBusyError)) throw error;
  process.exitCode = BUSY;
}

function mayLeave(): true | string {
  const { state, reasons } = consentIn(task.dir, { app: "app", env: {}, config: { enabled: true } });
  return state === "upload" || reasons.join();
}
