import { mkdir, mkdtemp, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import type { AuditEntry } from "../http/build-app.ts";
import { openAuditFile } from "./audit-file.ts";

async function folder({ onTestFinished }: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "audit-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

function entry(request: string): AuditEntry {
  return { action: "instance.put", actor: "platform:a", ip: "127.0.0.1", request, status: 201 };
}

async function requestsIn(file: string): Promise<string[]> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as AuditEntry).request);
}

test("entries stand in their order, for the owner only, and none is missing after the end", async (context) => {
  const file = join(await folder(context), "audit.jsonl");
  const audit = await openAuditFile(file, () => expect.unreachable());
  const names = Array.from({ length: 500 }, (_, i) => `r-${i}`);
  for (const name of names) audit.write(entry(name));
  await audit.close();
  expect(await requestsIn(file)).toEqual(names);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("what can't be written is handed back, and the file goes on once it can be", async (context) => {
  const file = join(await folder(context), "audit.jsonl");
  const lost: { requests: string[]; code: string | undefined }[] = [];
  const audit = await openAuditFile(file, (entries, error) => {
    const { code } = error as NodeJS.ErrnoException;
    lost.push({ requests: entries.map(({ request }) => request), code });
  });
  audit.write(entry("r-1"));
  await audit.close();
  await rename(file, `${file}.1`);
  await mkdir(file);
  audit.write(entry("r-2"));
  await audit.close();
  expect(lost).toEqual([{ requests: ["r-2"], code: "EISDIR" }]);
  await rmdir(file);
  audit.write(entry("r-3"));
  await audit.close();
  expect(await requestsIn(`${file}.1`)).toEqual(["r-1"]);
  expect(await requestsIn(file)).toEqual(["r-3"]);
});

test("a file that can't be written to is told at the start", async (context) => {
  const file = join(await folder(context), "nowhere", "audit.jsonl");
  await expect(openAuditFile(file, () => {})).rejects.toMatchObject({ code: "ENOENT" });
});
