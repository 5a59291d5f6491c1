import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";
import {
  problem,
  type ScriptedAnswer,
  type SeenRequest,
  scriptedService,
} from "../../test/scripted-service.ts";
import { serve } from "../../test/serve.ts";
import { createServiceClient } from "../targets/service-client.ts";
import { type SyncOptions, syncFiles } from "../targets/sync-files.ts";

function listOf(...hosts: readonly string[]): string {
  return `${JSON.stringify(hosts.map((host) => ({ targets: [`${host}:9100`], labels: {} })))}\n`;
}

/** A list with its revision, as the service sends it. */
function list(rev: number, ...hosts: readonly string[]): ScriptedAnswer {
  return { body: listOf(...hosts), headers: { etag: `"${hosts}"`, "ferry-revision": `${rev}` } };
}

/**
 * Runs sync against a script: each step answers one request, in their order; the run ends with the script.
 */
async function play(
  steps: readonly ((request: SeenRequest) => ScriptedAnswer)[],
  options: Partial<SyncOptions> = {},
): Promise<{ seen: string[]; dir: string; written: string[]; trouble: string[] }> {
  const ending = new AbortController();
  const rest = [...steps];
  const service = await scriptedService((request) => {
    const step = rest.shift();
    if (rest.length === 0) setTimeout(() => ending.abort(), 30);
    return step?.(request) ?? new Promise(() => {});
  });
  const { dir = join(temporaryFolder(), "targets") } = options;
  const written: string[] = [];
  const trouble: string[] = [];
  const { signal } = ending;
  await syncFiles({
    client: createServiceClient({ url: service.url, token: undefined, fetch, signal }),
    dir,
    endpoints: ["node"],
    once: false,
    signal,
    onWritten: (_file, targets) =>
      written.push(`${targets}: ${readFileSync(join(dir, "node.json"), "utf8")}`),
    onTrouble: (error) => trouble.push(error instanceof Error ? error.message : "well"),
    paceMs: 1,
    maxPauseMs: 5,
    ...options,
  });
  return { seen: service.seen.map(({ method, path }) => `${method} ${path}`), dir, written, trouble };
}

const LIST = "GET /v1/sd/prometheus?endpoint=node";
const changesSince = (rev: number): string => `GET /v1/sd/changes?since=${rev}&wait=50`;

test("follows the service: reads, waits, reads again what changed", async () => {
  const { seen, written, trouble } = await play([
    () => list(3, "10.0.0.1"),
    () => ({ status: 204 }),
    () => ({ body: { rev: 4, more: false, items: [] } }),
    () => list(4, "10.0.0.1", "10.0.0.2"),
    () => ({ status: 204 }),
  ]);
  expect(seen.slice(0, 5)).toEqual([LIST, changesSince(3), changesSince(3), LIST, changesSince(4)]);
  expect(written).toEqual([`1: ${listOf("10.0.0.1")}`, `2: ${listOf("10.0.0.1", "10.0.0.2")}`]);
  expect(trouble).toEqual([]);
});

test("a replica that lags behind is asked until its list is as new as the change", async () => {
  const { seen } = await play([
    () => list(3, "10.0.0.1"),
    () => ({ body: { rev: 9, more: false, items: [] } }),
    () => list(5, "10.0.0.1"),
    () => ({ body: { rev: 9, more: false, items: [] } }),
    () => list(9, "10.0.0.2"),
    () => ({ status: 204 }),
  ]);
  expect(seen.slice(0, 6)).toEqual([LIST, changesSince(3), LIST, changesSince(5), LIST, changesSince(9)]);
});

test("an unchanged list is asked for by its tag and not written", async () => {
  let tag: unknown;
  const { written } = await play([
    () => list(3, "10.0.0.1"),
    () => ({ body: { rev: 4, more: false, items: [] } }),
    ({ headers }) => {
      tag = headers["if-none-match"];
      return { status: 304, headers: { "ferry-revision": "4" } };
    },
    () => ({ status: 204 }),
  ]);
  expect(tag).toBe('"10.0.0.1"');
  expect(written).toHaveLength(1);
});

test.each([
  ["taken away", (file: string) => rmSync(file)],
  ["changed", (file: string) => writeFileSync(file, "[]\n")],
])("a file that somebody else has %s is there again, though the list is the same", async (_, harm) => {
  const tags: unknown[] = [];
  const dir = join(temporaryFolder(), "targets");
  const { seen } = await play(
    [
      () => list(3, "10.0.0.1"),
      () => {
        harm(join(dir, "node.json"));
        return { status: 204 };
      },
      ({ headers }) => {
        tags.push(headers["if-none-match"]);
        return list(3, "10.0.0.1");
      },
      () => ({ status: 204 }),
    ],
    { dir },
  );
  expect(seen.slice(0, 3)).toEqual([LIST, changesSince(3), LIST]);
  expect(tags).toEqual([undefined]);
  expect(readFileSync(join(dir, "node.json"), "utf8")).toBe(listOf("10.0.0.1"));
});

test("a service that forgot its revisions is read anew", async () => {
  const { seen, written, trouble } = await play([
    () => list(90, "10.0.0.1"),
    () => problem(409, "changes_reset", { rev: 2 }),
    () => list(2, "10.0.0.2"),
    () => ({ status: 204 }),
  ]);
  expect(seen.slice(0, 4)).toEqual([LIST, changesSince(90), LIST, changesSince(2)]);
  expect(written.at(-1)).toBe(`1: ${listOf("10.0.0.2")}`);
  expect(trouble).toEqual([]);
});

test("a service that ends its long polls at once is not asked without a pause", async () => {
  const steps = Array.from({ length: 5 }, () => () => ({ status: 204 }));
  const start = performance.now();
  await play([() => list(3, "10.0.0.1"), ...steps], { paceMs: 40 });
  expect(performance.now() - start).toBeGreaterThan(4 * 40);
});

test("an authoritative list may be empty", async () => {
  const { written } = await play([
    () => list(3, "10.0.0.1"),
    () => ({ body: { rev: 4, more: false, items: [] } }),
    () => list(4),
    () => ({ status: 204 }),
  ]);
  expect(written.at(-1)).toBe("0: []\n");
});

for (const { name, answer } of [
  { name: "503 store_new", answer: problem(503, "store_new") },
  { name: "500", answer: problem(500, "internal") },
  { name: "401", answer: problem(401, "unauthorized") },
  { name: "a cut connection", answer: { cut: true } },
  { name: "an empty list from somebody who knows of no revision", answer: { body: "[]" } },
  { name: "text after the list", answer: { body: `${listOf("10.0.0.3")}]` } },
  { name: "a page for people", answer: { body: "<html>It works!</html>" } },
  { name: "null", answer: { body: "null" } },
  { name: "an object", answer: { body: "{}" } },
  { name: "a list of null", answer: { body: "[null]" } },
  { name: "half a list", answer: { body: '[{"targets":["10.0.0.1:9100"]' } },
  { name: "nothing", answer: { body: "" } },
  { name: "204", answer: { status: 204 } },
  { name: "a redirect", answer: { status: 302, headers: { location: "/x" } } },
] as readonly { name: string; answer: ScriptedAnswer }[]) {
  test(`${name} instead of a list touches no file, and the list after it is taken`, async () => {
    const { written, trouble, dir } = await play([
      () => list(3, "10.0.0.1"),
      () => ({ body: { rev: 4, more: false, items: [] } }),
      () => answer,
      () => answer,
      () => list(4, "10.0.0.2"),
      () => ({ status: 204 }),
    ]);
    expect(written).toEqual([`1: ${listOf("10.0.0.1")}`, `1: ${listOf("10.0.0.2")}`]);
    expect(trouble).toHaveLength(3);
    expect(trouble.at(-1)).toBe("well");
    expect(readdirSync(dir, { recursive: true }).sort()).toEqual([".drafts", "node.json"]);
  });
}

test("a service that does not send the revision of its list is followed all the same", async () => {
  const body = listOf("10.0.0.1");
  const { seen } = await play([
    () => ({ body }),
    () => ({ body: { rev: 7, more: false, items: [] } }),
    () => ({ body }),
    () => ({ status: 204 }),
  ]);
  expect(seen.slice(0, 4)).toEqual([LIST, changesSince(0), LIST, changesSince(7)]);
});

test("--once writes each list into its file, a shard under its own name, and ends", async () => {
  const home = temporaryFolder();
  const { url, seen } = await scriptedService(() => list(1, "10.0.0.1"));
  const argv = "targets sync --once --into targets --endpoint node --endpoint app --shard 1/4 --project p-1";
  const { exitCode, stdout } = await runCli([...argv.split(" "), "--url", url], { home });
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    ["node", "app"].map((name) => `${join(home, "targets", `${name}-2-of-4.json`)}: 1 target\n`).join(""),
  );
  expect(seen.map(({ path }) => path)).toEqual([
    "/v1/sd/prometheus?endpoint=node&project=p-1&shard=1%2F4",
    "/v1/sd/prometheus?endpoint=app&project=p-1&shard=1%2F4",
  ]);
  expect(readdirSync(join(home, "targets"), { recursive: true }).sort()).toEqual([
    ".drafts",
    "app-2-of-4.json",
    "node-2-of-4.json",
  ]);
});

test("--once against a service that is not sure is exit 75 and writes nothing", async () => {
  const home = temporaryFolder();
  const { url } = await scriptedService(() => problem(503, "store_new"));
  const { exitCode } = await runCli(["targets", "sync", "--once", "--into", "targets", "--url", url], {
    home,
  });
  expect(exitCode).toBe(75);
  expect(existsSync(join(home, "targets", "node.json"))).toBe(false);
});

test("without --once it runs until it is stopped", async () => {
  const stopping = new AbortController();
  const url = await serve(() => stopping.abort());
  const { exitCode } = await runCli(["targets", "sync", "--into", "targets", "--url", url], {
    signal: stopping.signal,
  });
  expect(exitCode).toBe(130);
  const wrong = await runCli(["targets", "sync", "--into", "x", "--url", url, "--shard", "4/4"]);
  expect(wrong.exitCode).toBe(2);
});
