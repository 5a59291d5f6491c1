import { readdirSync } from "node:fs";
import { type JournalFs, nodeJournalFs, openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/run-cli.ts";
import { missingFrames, planImport, writeFrames } from "./import-blocks.ts";
import { readBlocks } from "./read-blocks.ts";

const TEXT = Buffer.from(
  ["2025-10-06T12:00:00Z", "2025-10-06T12:05:00Z", "2025-10-08T12:00:00Z"]
    .map((written) => `# Written: ${written}\na_total 1 ${Date.parse(written)}\n`)
    .join(""),
);

/** Fails with `code` from the n-th call that changes the disk on. */
function failing(n: number, code: string): JournalFs {
  let calls = 0;
  const step = () => {
    if (++calls >= n) throw Object.assign(new Error(code), { code });
  };
  return {
    ...nodeJournalFs,
    async openAppend(path) {
      step();
      const file = await nodeJournalFs.openAppend(path);
      return {
        ...file,
        async append(bytes) {
          step();
          return file.append(bytes);
        },
        async sync() {
          step();
          return file.sync();
        },
      };
    },
    async rename(from, to) {
      step();
      return nodeJournalFs.rename(from, to);
    },
    async syncDirectory(path) {
      step();
      return nodeJournalFs.syncDirectory(path);
    },
  };
}

/** Two days: open, two appends, sync, rename; open, append, sync, rename; sync of the folder. */
const STEPS = 10;

for (let n = 1; n <= STEPS; n++) {
  test(`an import that fails at step ${n} leaves whole days or none, and the next one adds the rest`, async () => {
    const dir = temporaryFolder();
    const plan = planImport(TEXT, readBlocks(TEXT).blocks);
    const write = (fs: JournalFs, missing = plan.frames) =>
      writeFrames(plan, missing, { dir, fs, dayBoundary: "utc" });
    await expect(write(failing(n, "ENOSPC"))).rejects.toMatchObject({ code: "ENOSPC" });

    const { frames, damage } = await openJournal(dir).index();
    expect(damage).toEqual([]);
    expect(frames).toHaveLength(n <= 5 ? 0 : n <= 9 ? 2 : 3);
    expect(readdirSync(dir).filter((name) => name.endsWith(".partial"))).toEqual([]);

    const missing = missingFrames(plan, await openJournal(dir).index());
    await write(nodeJournalFs, [...missing]);
    expect((await openJournal(dir).index()).frames).toHaveLength(3);
    expect(missingFrames(plan, await openJournal(dir).index())).toEqual([]);
  });
}

test("a session of another content and the same name is refused", async () => {
  const dir = temporaryFolder();
  const plan = planImport(TEXT, readBlocks(TEXT).blocks);
  await writeFrames(plan, plan.frames, { dir, fs: nodeJournalFs, dayBoundary: "utc" });
  const other = Buffer.from("# Written: 2025-10-06T12:01:00Z\nb 1 1759752060000\n");
  const clash = { ...planImport(other, readBlocks(other).blocks), session: plan.session };
  const index = await openJournal(dir).index();
  expect(() => missingFrames(clash, index)).toThrow(`another session named ${plan.session}`);
});
