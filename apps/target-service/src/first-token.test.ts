import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeFirstToken, tryLine } from "./first-token.ts";

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "first-token-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

test("on a terminal the token is shown and stored nowhere but by its hash", async () => {
  const dir = await folder();
  const first = await makeFirstToken(join(dir, "tokens.yaml"), dir, true);
  expect(first?.file).toBeUndefined();
  expect(await readdir(dir)).toEqual(["tokens.yaml"]);
  expect(await readFile(join(dir, "tokens.yaml"), "utf8")).not.toContain(first!.text);
  expect(tryLine("http://x", first!)).toContain(first!.text);
  expect(await makeFirstToken(join(dir, "tokens.yaml"), dir, true)).toBeUndefined();
});

test("elsewhere it is in a file of its own, also after a start that was cut short", async () => {
  const dir = await folder();
  await writeFile(join(dir, "first-platform-token"), "of a start that was cut short", { mode: 0o644 });
  const first = await makeFirstToken(join(dir, "tokens.yaml"), dir, false);
  expect((await stat(first!.file!)).mode & 0o777).toBe(0o600);
  expect(await readFile(first!.file!, "utf8")).toBe(`${first!.text}\n`);
  expect(tryLine("http://x", first!)).not.toContain(first!.text);
  expect(tryLine("http://x", { ...first!, file: "/a b/it's" })).toContain("$(cat '/a b/it'\\''s')");
});
