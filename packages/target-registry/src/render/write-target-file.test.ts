import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, matchesGlob } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { targetFileName, targetFilePatterns, writeTargetFile } from "./write-target-file.ts";

async function folder(context: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "targets-"));
  context.onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const dir = join(parent, "watched");
  await mkdir(dir);
  return dir;
}

test("a file is named by its list and shard", () => {
  expect(targetFileName("node")).toBe("node.json");
  expect(targetFileName("node", { index: 0, count: 4 })).toBe("node-1-of-4.json");
});

test("file_sd finds the files of an endpoint, and not those of one whose name goes on", () => {
  const found = (name: string, ...of: Parameters<typeof targetFilePatterns>) =>
    targetFilePatterns(...of).some((pattern) => matchesGlob(name, pattern));
  const [first, second] = [0, 1].map((index) => ({ index, count: 4 }));
  for (const name of [targetFileName("app"), targetFileName("app", first), targetFileName("app", second)]) {
    expect(found(name, "app"), name).toBe(true);
  }
  expect(found(targetFileName("app-admin"), "app")).toBe(false);
  expect(found(targetFileName("app", first), "app", first)).toBe(true);
  for (const name of [targetFileName("app", second), targetFileName("app-admin", first)]) {
    expect(found(name, "app", first), name).toBe(false);
  }
});

test("writes, replaces, and leaves an equal file alone", async (context) => {
  const dir = await folder(context);
  const file = join(dir, "node.json");
  expect(await writeTargetFile(file, Buffer.from("[]\n"))).toBe(true);
  const { mtimeMs, ino, mode } = await stat(file);
  expect(mode & 0o777).toBe(0o644);
  expect(await writeTargetFile(file, Buffer.from("[]\n"))).toBe(false);
  expect(await stat(file)).toMatchObject({ mtimeMs, ino });
  expect(await writeTargetFile(file, Buffer.from("[1]\n"))).toBe(true);
  expect(await readFile(file, "utf8")).toBe("[1]\n");
});

test("nothing but the lists, and a folder that no pattern matches, is ever in the watched folder", async (context) => {
  const dir = await folder(context);
  const seen = new Set<string>();
  let done = false;
  const watch = (async () => {
    while (!done) for (const name of await readdir(dir)) seen.add(name);
  })();
  for (let i = 0; i < 20; i++) await writeTargetFile(join(dir, "node.json"), Buffer.from(`[${i}]`));
  done = true;
  await watch;
  expect([...seen].sort()).toEqual([".drafts", "node.json"]);
  expect(await readdir(join(dir, ".drafts"))).toEqual([]);
  // The folder may be a mount of its own: a draft beside it could not be renamed into it.
  expect(await readdir(join(dir, ".."))).toEqual(["watched"]);
});

test("a failed write leaves the old list and no draft", async (context) => {
  const dir = await folder(context);
  const file = join(dir, "node.json");
  await writeTargetFile(file, Buffer.from("[]\n"));
  const aside = join(dir, ".drafts");
  await rm(aside, { recursive: true });
  await writeFile(aside, "not a folder");
  await expect(writeTargetFile(file, Buffer.from("[1]\n"))).rejects.toThrow();
  expect(await readFile(file, "utf8")).toBe("[]\n");
  await expect(writeTargetFile(join(dir, "missing/node.json"), Buffer.from("[]"))).rejects.toThrow();
});
