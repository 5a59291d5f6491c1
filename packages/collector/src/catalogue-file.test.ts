import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { counter, defineMetrics } from "@promferry/core";
import { type JournalFs, nodeJournalFs } from "@promferry/core/journal";
import { expect, onTestFinished, test } from "vitest";
import { createCatalogueFile } from "./catalogue-file.ts";

const { catalogue } = defineMetrics(
  { namespace: "k1" },
  { views: counter({ name: "views_total", help: "V" }) },
);

/** A disk on which a file can be made and nothing be written. */
const full: JournalFs = {
  ...nodeJournalFs,
  async openAppend(path) {
    return { ...(await nodeJournalFs.openAppend(path)), append: noSpace };
  },
  openAppendSync(path) {
    return { ...nodeJournalFs.openAppendSync(path), append: noSpace };
  },
};

function noSpace(): never {
  throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
}

for (const { how, write } of [
  { how: "while the program runs", write: (fs: JournalFs, dir: string) => fileIn(dir, fs).write() },
  { how: "at its exit", write: async (fs: JournalFs, dir: string) => fileIn(dir, fs).writeSync() },
]) {
  test(`on a full disk ${how}, a catalogue that can't be written leaves no file behind`, async () => {
    const dir = await mkdtemp(join(tmpdir(), "promferry-catalogue-"));
    onTestFinished(() => rm(dir, { recursive: true }));
    await expect(write(full, dir)).rejects.toThrow("ENOSPC");
    expect(await readdir(dir)).toEqual([]);
    await write(nodeJournalFs, dir);
    expect(await readdir(dir)).toEqual([`catalog-${fileIn(dir, full).digest}.json`]);
  });
}

function fileIn(dir: string, fs: JournalFs) {
  return createCatalogueFile(dir, catalogue, fs);
}
