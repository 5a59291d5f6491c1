import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { nodeJournalFs } from "@promferry/core/journal";
import { expect, type TestContext, test } from "vitest";
import { appendToStateFile, replaceStateFile } from "./state-file.ts";
import type { UploadFs } from "./upload-fs.ts";
import { nodeUploadFs } from "./upload-fs.ts";

async function setUp({ onTestFinished }: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "promferry-state-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const done: string[] = [];
  const fs: UploadFs = {
    ...nodeUploadFs,
    async openAppend(path) {
      const file = await nodeJournalFs.openAppend(path);
      return {
        ...file,
        append: async (bytes) => {
          done.push(`append to ${basename(path)}`);
          return file.append(bytes);
        },
        sync: async () => {
          done.push(`sync ${basename(path)}`);
          await file.sync();
        },
      };
    },
    async rename(from, to) {
      done.push(`rename ${basename(from)} to ${basename(to)}`);
      await nodeUploadFs.rename(from, to);
    },
    async syncDirectory(path) {
      done.push(path === dir ? "sync the directory" : "sync another directory");
      await nodeUploadFs.syncDirectory(path);
    },
  };
  return { dir, done, fs, path: join(dir, "ledger") };
}

test("a replaced file is on the disk before it has its name, and its name before the work goes on", async (context) => {
  const { fs, path, done } = await setUp(context);
  await replaceStateFile(fs, path, "new");
  expect(done).toEqual([
    "append to ledger.tmp",
    "sync ledger.tmp",
    "rename ledger.tmp to ledger",
    "sync the directory",
  ]);
});

test("what is added is on the disk before the work goes on", async (context) => {
  const { fs, path, done } = await setUp(context);
  await appendToStateFile(fs, path, "line\n");
  expect(done).toEqual(["append to ledger", "sync ledger", "sync the directory"]);
});

test("what a dead process left half-way does not get into the file", async (context) => {
  const { fs, path } = await setUp(context);
  await writeFile(`${path}.tmp`, '{"v":1,"half');
  await replaceStateFile(fs, path, "new");
  expect(await readFile(path, "utf8")).toBe("new");
});
