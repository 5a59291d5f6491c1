import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startTestService } from "../../test/test-service.ts";
import { createFileSync } from "./file-sync.ts";

test("files show the lists, are written only when they change, and stay when there is doubt", async ({
  onTestFinished,
}) => {
  const parent = await mkdtemp(join(tmpdir(), "file-sync-"));
  onTestFinished(() => rm(parent, { recursive: true }));
  const dir = join(parent, "targets");
  await mkdir(dir);
  const own = await startTestService({ authoritative: false });
  const errors: string[] = [];
  const syncOf = (shards: number) =>
    createFileSync({
      ...{ dir, shards, lists: own.service.lists, endpoints: ["node", "app"] },
      onError: (error) => void errors.push((error as { code: string }).code),
    });
  const sync = syncOf(1);
  expect(await sync()).toBe(0);
  expect(await sync()).toBe(0);
  expect(await readdir(dir)).toEqual([]);
  expect(errors.splice(0)).toEqual(["store_new", "store_new"]);

  await own.store.setAuthoritative({ actor: "operator" });
  await own.join("i-1");
  expect(await sync()).toBe(2);
  expect(await sync()).toBe(0);
  const listed = await own.call("GET /v1/sd/prometheus", { as: "reader" });
  expect(await readFile(join(dir, "node.json"), "utf8")).toBe(listed.body);
  expect(await readFile(join(dir, "app.json"), "utf8")).toBe("[]\n");
  await writeFile(join(dir, "node.json"), "[]\n");
  await rm(join(dir, "app.json"));
  expect(await sync()).toBe(2);
  expect(await readFile(join(dir, "node.json"), "utf8")).toBe(listed.body);
  expect(await syncOf(2)()).toBe(4);
  expect(await readdir(dir)).toContain("node-2-of-2.json");

  await own.store.close();
  expect(await sync()).toBe(0);
  expect(await sync()).toBe(0);
  expect(await readFile(join(dir, "node.json"), "utf8")).toBe(listed.body);
  expect(errors).toEqual(["ERR_STORE_CLOSED", "ERR_STORE_CLOSED"]);
});
