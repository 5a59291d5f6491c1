import { randomBytes } from "node:crypto";
import { access, constants, open, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LOW_DISK_BYTES, nodeJournalFs, openJournal } from "@promferry/core/journal";
import { consentInWords, resolveIdentity } from "@promferry/privacy";
import { readLedger } from "@promferry/uploader";
import { formatByteSize } from "../config/byte-size.ts";
import { identityKind } from "../config/identity-kind.ts";
import type { Settings } from "../config/load-config.ts";
import { consentOf } from "../consent/consent-of.ts";
import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT } from "../exit-codes.ts";
import { describeDisk } from "../status/disk.ts";
import { type Check, checker } from "./check.ts";

/** File systems that a network stands behind, by the number that `statfs` has for them (Linux). */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "SMB",
  4266872130: "SMB",
  16914839: "9p",
  1702057286: "FUSE",
};

/** The folder, its disk and what is in it. Writes one empty file of its own and takes it away again. */
export async function journalChecks({ io }: Context, { dir, metrics }: Settings): Promise<Check[]> {
  const { ok, warning, failed, unknown } = checker("journal");
  const checks: Check[] = [];
  const found = await stat(dir).catch((error: NodeJS.ErrnoException) => error.code);
  if (found === "ENOENT") {
    const parent = await nearestFolder(dir);
    const writable = await access(parent, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    checks.push(
      writable
        ? ok("folder", `${dir} is not there yet; the first frame makes it`)
        : failed(
            "folder",
            `${dir} can't be made in ${parent}`,
            `give yourself access to ${parent}, or name another folder with --dir`,
            EXIT.config,
          ),
    );
  } else if (typeof found !== "object") {
    const advice = "give yourself access to it, or name another folder with --dir";
    return [failed("folder", `${dir} can't be looked at (${found})`, advice, EXIT.config)];
  } else if (!found.isDirectory()) {
    return [
      failed(
        "folder",
        `${dir} is no folder`,
        "move what stands there, or name another folder with --dir",
        EXIT.config,
      ),
    ];
  } else {
    const problem = await tryToWrite(dir);
    checks.push(
      problem
        ? failed(
            "folder",
            `nothing can be written in ${dir} (${problem})`,
            "give yourself access to it, or make room",
            EXIT.io,
          )
        : ok("folder", `${dir} can be written`),
    );
    const mode = found.mode & 0o777;
    if (process.platform !== "win32") {
      checks.push(
        (mode & 0o077) === 0
          ? ok("permissions", "for its owner alone")
          : warning(
              "permissions",
              `others may look into ${dir} (mode ${mode.toString(8)})`,
              `chmod 700 ${dir}`,
            ),
      );
    }
    checks.push(...(await contentChecks(dir, io.now)), ...(await identityChecks(dir, metrics)));
  }
  const disk = await describeDisk(dir, nodeJournalFs);
  if (disk.freeBytes === undefined)
    checks.push(unknown("disk", "the system does not say how much room there is"));
  else {
    const free = `${formatByteSize(disk.freeBytes)} free`;
    checks.push(
      disk.low
        ? warning("disk", free, `make room: below ${formatByteSize(LOW_DISK_BYTES)} frames are soon lost`)
        : ok("disk", free),
    );
  }
  const kind = await statfs(await nearestFolder(dir)).then(
    ({ type }) => NETWORK_FILE_SYSTEMS[type >>> 0],
    () => undefined,
  );
  if (kind) {
    const advice = "a folder on a local disk keeps what is promised under a power loss";
    checks.push(
      warning("file system", `${kind}: what was synced may still stand with another machine`, advice),
    );
  }
  return checks;
}

async function contentChecks(dir: string, now: () => number): Promise<Check[]> {
  const { ok, warning, failed } = checker("journal");
  const index = await openJournal(dir, { now }).index();
  const lost = index.damage.filter(({ recovered }) => !recovered);
  const frames = `${count(index.frames.length, "frame")} in ${count(index.files.length, "file")}`;
  const checks = [
    lost.length === 0
      ? ok("frames", frames)
      : warning(
          "frames",
          `${frames}, ${lost.length} damaged`,
          "`promferry journal verify` shows them, --repair puts them aside",
        ),
  ];
  if (index.held.length > 0) {
    const detail = `${count(index.held.length, "frame")} with times that can't be: a clock was wrong`;
    checks.push(
      warning("times", detail, "set this machine's clock; those frames stay here and are not sent"),
    );
  }
  try {
    await readLedger(dir, nodeJournalFs);
    checks.push(ok("ledger", "can be read"));
  } catch (error) {
    const advice =
      "put it back from a backup, or give a destination a new name: then everything is sent to it anew";
    checks.push(failed("ledger", (error as Error).message, advice, EXIT.io));
  }
  return checks;
}

/** The installation's key, where identities or the draw of weeks need it; it is made by the first upload. */
async function identityChecks(dir: string, metrics: Settings["metrics"]): Promise<Check[]> {
  const kind = identityKind(metrics);
  const isKeyed = kind === "installation" || kind === "rotating";
  if (!isKeyed && metrics.sample_rate === 1) return [];
  const { ok, failed } = checker("journal");
  try {
    const { provisional } = await resolveIdentity({
      kind: "installation",
      destination: "",
      dir,
      create: false,
    });
    return [ok("identity", provisional ? "the first upload makes its key" : "its key can be read")];
  } catch (error) {
    const advice =
      "put identity.json back from a backup, or remove it to become a new user: until then nothing is sent";
    return [failed("identity", (error as Error).message, advice, EXIT.io)];
  }
}

/** Why no file can be made there; `undefined` where one can. */
async function tryToWrite(dir: string): Promise<string | undefined> {
  const path = join(dir, `.doctor-${randomBytes(4).toString("hex")}`);
  try {
    await (await open(path, "wx", 0o600)).close();
    await unlink(path);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (
      await stat(at).then(
        (found) => found.isDirectory(),
        () => false,
      )
    )
      return at;
    if (dirname(at) === at) return at;
  }
}

/** Whether this program may collect and send its own telemetry, and who said so. */
export function consentCheck(context: Context, settings: Settings): Check {
  const { ok, warning } = checker("consent");
  const consent = consentOf(context, settings);
  const words = consentInWords(consent);
  if (!("problem" in consent.stored)) return ok("collection", words);
  return warning(
    "collection",
    `${words}: ${consent.stored.problem}`,
    "say `promferry enable` or `disable` anew",
  );
}
