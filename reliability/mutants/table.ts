/** Bugs of one line that the suite has to find; `search` stands exactly once in its file. */

export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly search: string;
  readonly replace: string;
  /** The fault that shows it. */
  readonly fault: string;
}

const JOURNAL = "packages/core/src/journal";
const MERGE = "packages/core/src/merge";
const UPLOADER = "packages/uploader/src";

export const mutants: readonly Mutant[] = [
  {
    name: "no fdatasync",
    file: `${JOURNAL}/append-bytes.ts`,
    search: "      await file.sync();\n",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "acknowledged before it is synced",
    file: `${JOURNAL}/append-bytes.ts`,
    search: "      await file.sync();\n",
    replace: "      file.sync().catch(() => {});\n",
    fault: "power-loss",
  },
  {
    name: "a new day file's name is not synced",
    file: `${JOURNAL}/append-bytes.ts`,
    search: "if (directory !== undefined) await fs.syncDirectory(directory);",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "a short write counts as a whole one",
    file: `${JOURNAL}/append-bytes.ts`,
    search: "      if (written !== bytes.length) {\n",
    replace: "      if (written === 0) {\n",
    fault: "errors",
  },
  {
    name: "no line feed before a frame",
    file: `${JOURNAL}/encode-frame.ts`,
    search: "page.text(`\\n${formatHeader(header, version)}\\n`);",
    replace: "page.text(`${formatHeader(header, version)}\\n`);",
    fault: "damage",
  },
  {
    name: "checksum ignored",
    file: `${JOURNAL}/scan-frames.ts`,
    search: 'if (Number.parseInt(trailer[4]!, 16) !== frame.crc) return { reason: "checksum" };',
    replace: "",
    fault: "damage",
  },
  {
    name: "damage in a compressed day is not told",
    file: `${JOURNAL}/packed-frames.ts`,
    search: 'damage: [stretch(offsetBytes, bytes.length, "checksum")]',
    replace: "damage: []",
    fault: "damage",
  },
  {
    name: "a lost start frame is not written again",
    file: `${JOURNAL}/journal-writer.ts`,
    search: "owedStart === undefined || drafts.includes(owedStart) ? drafts : [owedStart, ...drafts]",
    replace: "drafts",
    fault: "errors",
  },
  {
    name: "a compressed day is not synced before its original goes",
    file: `${JOURNAL}/compress-day.ts`,
    search: "    await output.sync();\n",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "a repaired day is not synced before its original goes",
    file: `${JOURNAL}/repair-day.ts`,
    search: "    await output.sync();\n",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "frames dated by a wrong clock are sent",
    file: `${JOURNAL}/index-files.ts`,
    search: "frames: refs.filter((ref) => !isHeld(ref)),",
    replace: "frames: refs,",
    fault: "clock",
  },
  {
    name: "a day closes half a day too early",
    file: `${JOURNAL}/day-file.ts`,
    search: "const CLOSES_AFTER_HOURS = 36;",
    replace: "const CLOSES_AFTER_HOURS = 24;",
    fault: "clock",
  },
  {
    name: "sessions merged without resets",
    file: `${MERGE}/accumulator.ts`,
    search: "if (reset) accumulator.offset += accumulator.last;",
    replace: "if (reset && accumulator.last < 0) accumulator.offset += accumulator.last;",
    fault: "kill",
  },
  {
    name: "a session's growth is lost when it ends",
    file: `${MERGE}/targets.ts`,
    search: "  target.endedGrowth += taken;\n",
    replace: "",
    fault: "clock",
  },
  {
    name: "sent before it is on the disk",
    file: `${UPLOADER}/upload.ts`,
    search: "  if (!dryRun) await syncDays(journal, index.files);\n",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "the ledger is not synced before its rename",
    file: `${UPLOADER}/state-file.ts`,
    search: "    await file.sync();\n",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "the ledger's rename is not synced",
    file: `${UPLOADER}/state-file.ts`,
    search: "    await fs.rename(temporary, path);\n    await fs.syncDirectory(dirname(path));\n",
    replace: "    await fs.rename(temporary, path);\n",
    fault: "power-loss",
  },
  {
    name: "a request that the ledger names is taken for accepted",
    file: `${UPLOADER}/deliver-history.ts`,
    search: "  if (!request || (request.digest",
    replace: "  if (!request || next.inDoubt || (request.digest",
    fault: "power-loss",
  },
  {
    name: "a request in doubt is not sent again as it was",
    file: `${UPLOADER}/deliver-history.ts`,
    search: "if (!next) return afresh();",
    replace: "if (next ?? true) return afresh();",
    fault: "power-loss",
  },
  {
    name: "a late frame is sent at its own time",
    file: `${UPLOADER}/plan.ts`,
    search: 'const isLate = header.origin === "app" && leavingTime(header, coarseness) <= newestMs;',
    replace: "const isLate = false;",
    fault: "clock",
  },
  {
    name: "a file that cannot be read is overtaken",
    file: `${UPLOADER}/upload.ts`,
    search: "  checkReadable(index, options, ledger);\n",
    replace: "",
    fault: "errors",
  },
  {
    name: "days are deleted without a checkpoint of their totals",
    file: `${UPLOADER}/retention.ts`,
    search: "  await options.totals.change((stored) => new Map([...stored, ...kept]));\n",
    replace: "",
    fault: "power-loss",
  },
  {
    name: "days are deleted whoever lacks them",
    file: `${UPLOADER}/retention-plan.ts`,
    search: "const reason = strange ?? reasonOfDestinations(files);",
    replace: "const reason = strange;",
    fault: "errors",
  },
  {
    name: "days are deleted out of their sessions' order",
    file: `${UPLOADER}/retention-plan.ts`,
    search: "  keepInterleaved();\n",
    replace: "",
    fault: "clock",
  },
  {
    name: "a lock keeps nobody out",
    file: `${UPLOADER}/lock.ts`,
    search: 'const isLeft = found === undefined || text === "";',
    replace: "const isLeft = found !== null;",
    fault: "together",
  },
  {
    name: "an agent deletes segments that were not sent yet",
    file: `${UPLOADER}/delete-segments.ts`,
    search: "destinations.map((each) => each.passed(file));",
    replace: "destinations.map((each) => each.passed(file) ?? ({ damage: [], isHeld: false } as never));",
    fault: "together",
  },
  {
    name: "what was counted is counted again",
    file: `${UPLOADER}/send-requests.ts`,
    search: "    files = new Map();\n",
    replace: "",
    fault: "receiver",
  },
  {
    name: "a lost answer counts as a yes",
    file: `${UPLOADER}/attempt.ts`,
    search: "if (!(error instanceof DeliveryError)) throw error;",
    replace:
      'if (!(error instanceof DeliveryError)) throw error;\n        if (error.inDoubt) return { kind: "answered", receipt: { accepted: batch.sampleCount, refused: [], unknown: 0 }, doubted };',
    fault: "receiver",
  },
  {
    name: "a request that was made ahead is sent in another's place",
    file: `${UPLOADER}/requests.ts`,
    search: "ready.from === from && ",
    replace: "",
    fault: "receiver",
  },
  {
    name: "a failed flush is not counted",
    file: "packages/collector/src/collector.ts",
    search: "      return fail(error);\n",
    replace: "      return undefined;\n",
    fault: "errors",
  },
  {
    name: "forget begins without a no",
    file: `${UPLOADER}/forget.ts`,
    search: "    await writeConsent(dir, before, fs);\n",
    replace: "",
    fault: "kill",
  },
  {
    name: "forget takes the no away before the journal is gone",
    file: `${UPLOADER}/forget.ts`,
    search: "ORDER.includes(kind);",
    replace: 'kind !== "lock";',
    fault: "kill",
  },
  {
    name: "forget leaves what it does not know",
    file: `${UPLOADER}/journal-files.ts`,
    search: "[TOTALS_FILE, ",
    replace: "[",
    fault: "kill",
  },
  {
    name: "forget takes what isn't ours",
    file: `${UPLOADER}/journal-files.ts`,
    search: "return LEFTOVER[folder]?.test(name) ?? false;",
    replace: "return LEFTOVER[folder] !== undefined || name.length > 0;",
    fault: "kill",
  },
];
