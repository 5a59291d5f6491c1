import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createHandClock } from "../../../test/hand-clock.ts";
import { temporaryFolder } from "../../../test/run-cli.ts";
import type { ListedGroups } from "./discoverer.ts";
import { runFileSd } from "./file-sd.ts";

/** Watches `files` in a folder of its own. */
function watch(files: readonly string[], previous: readonly ListedGroups[] = []) {
  const dir = temporaryFolder();
  const clock = createHandClock(0);
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const failures: string[] = [];
  let lists: readonly ListedGroups[] = previous;
  let changes = 0;
  const begin = () =>
    runFileSd(
      { files: files.map((file) => join(dir, file)), refresh_interval: 60_000 },
      {
        previous: previous.map((list) => ({ ...list, source: join(dir, list.source) })),
        onLists: (next) => {
          lists = next;
          changes++;
        },
        onRead: () => {},
        onFailure: (source, message) => failures.push(`${source.slice(dir.length + 1)}: ${message}`),
        sleep: clock.sleep,
        signal: ending.signal,
      },
    );
  const targets = () => lists.flatMap(({ groups }) => groups.flatMap((group) => group.targets));
  return {
    ...{ dir, clock, failures, begin, targets },
    changes: () => changes,
    write: (name: string, text: string) => writeFileSync(join(dir, name), text),
    /** Lets looks go by until `until` holds. */
    look: (until: () => unknown) =>
      expect.poll(async () => {
        await clock.advance(5000);
        return until();
      }),
  };
}

const list = (...targets: string[]) => JSON.stringify([{ targets }]);

test("files are found by name and by glob, as JSON and as YAML, and say where they lie", async () => {
  const { dir, write, begin, look, targets } = watch(["a.json", "more/*.y?ml", "absent.json", "none/*.yml"]);
  mkdirSync(join(dir, "more"));
  write("a.json", list("a:1", "a:2"));
  write("more/b.yaml", "- targets: [b:1]\n");
  write("more/c.yml", "- targets: [c:1]\n");
  write("more/d.json", list("d:1"));
  void begin();
  await look(() => targets().length).toBe(3);
  expect(targets()).toEqual(["a:1", "a:2", "b:1"]);
});

test("a file that changed is read again, whether it was written over or renamed", async () => {
  const { dir, write, begin, look, targets, changes } = watch(["a.json"]);
  write("a.json", list("a:1"));
  void begin();
  await look(() => targets()[0]).toBe("a:1");
  write("a.json", list("a:2"));
  await look(() => targets()[0]).toBe("a:2");
  write("b.json", list("a:3"));
  renameSync(join(dir, "b.json"), join(dir, "a.json"));
  await look(() => targets()[0]).toBe("a:3");
  const before = changes();
  write("a.json", list("a:3"));
  for (let i = 0; i < 15; i++) await look(() => true).toBe(true);
  expect(changes()).toBe(before);
});

test("a broken file keeps its last good targets, is told, and is tried again", async () => {
  const { write, begin, look, targets, failures } = watch(["a.json", "b.json"]);
  write("a.json", list("a:1"));
  write("b.json", list("b:1"));
  void begin();
  await look(() => targets().length).toBe(2);
  write("a.json", '[{"targets":');
  await look(() => failures.length).toBeGreaterThan(1);
  expect(failures[0]).toMatch(/^a\.json: .*JSON/);
  expect(targets()).toEqual(["a:1", "b:1"]);
  write("a.json", list("a:2"));
  await look(() => targets().join()).toBe("a:2,b:1");
});

test("a file that is gone takes its targets along; a folder that can't be read does not", async () => {
  const { dir, write, begin, look, targets, failures } = watch(["a.json", "more/*.json"]);
  mkdirSync(join(dir, "more"));
  write("a.json", list("a:1"));
  write("more/b.json", list("b:1"));
  void begin();
  await look(() => targets().length).toBe(2);
  rmSync(join(dir, "a.json"));
  await look(() => targets().join()).toBe("b:1");
  // Root may read everything; something else in the folder's place stands for it.
  chmodSync(join(dir, "more"), 0);
  renameSync(join(dir, "more"), join(dir, "less"));
  writeFileSync(join(dir, "more"), "");
  await look(() => failures.length).toBeGreaterThan(0);
  chmodSync(join(dir, "less"), 0o700);
  expect(targets()).toEqual(["b:1"]);
});

test("what an earlier run had stays while its file is broken", async () => {
  const groups = [{ targets: ["a:1"], labels: {} }];
  const { write, begin, look, targets, failures } = watch(
    ["a.json"],
    [{ source: "a.json", groups, meta: {} }],
  );
  write("a.json", "[");
  void begin();
  await look(() => failures.length).toBeGreaterThan(0);
  expect(targets()).toEqual(["a:1"]);
});
