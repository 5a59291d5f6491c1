import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Instance, InstanceState } from "../model/instance.ts";
import { createListRenderer } from "./list-renderer.ts";
import { renderTargetList } from "./target-list.ts";
import { changePages, type TargetPage } from "./target-pages.ts";

function instanceOf(id: string, changes: Partial<Instance> = {}): Instance {
  return {
    id,
    project: "p-1",
    service: "s-1",
    scope: "default",
    liveness: "heartbeat",
    endpoints: [{ name: "node", address: "10.0.0.1", port: 9100 }],
    labels: {},
    grant: { ranges: [], endpoints: [] },
    state: "active",
    removedBy: null,
    stateSince: 0,
    deadline: null,
    bootId: "boot-1",
    keyHash: "a".repeat(64),
    createdAt: 0,
    seenAt: 0,
    rev: 1,
    ...changes,
  };
}

const textOf = ({ body }: { body: Uint8Array }): string => Buffer.from(body).toString();

test("a list is these bytes", async () => {
  const list = await renderTargetList(
    [
      instanceOf("i-1", {
        endpoints: [
          { name: "app", address: "10.0.0.1", port: 8080 },
          { name: "node", address: "10.0.0.1", port: 9100 },
          { name: "node", address: "fd00::1", port: 9100 },
        ],
        labels: { zone: 'a "b" \\ ß', team: "x" },
      }),
      instanceOf("i-2", { project: "p-2", service: "s-2" }),
    ],
    { endpoint: "node" },
  );
  const labels =
    '{"__meta_ferry_instance":"i-1","__meta_ferry_project":"p-1","__meta_ferry_service":"s-1","__meta_ferry_label_team":"x","__meta_ferry_label_zone":"a \\"b\\" \\\\ ß"}';
  expect(textOf(list)).toBe(
    `[{"targets":["10.0.0.1:9100"],"labels":${labels}},
{"targets":["[fd00::1]:9100"],"labels":${labels}},
{"targets":["10.0.0.1:9100"],"labels":{"__meta_ferry_instance":"i-2","__meta_ferry_project":"p-2","__meta_ferry_service":"s-2"}}]
`,
  );
  expect(list.count).toBe(3);
  expect(list.etag).toBe(`"${createHash("sha256").update(list.body).digest("base64url")}"`);
});

test("an empty list is an empty array", async () => {
  expect(await renderTargetList([], { endpoint: "node" })).toMatchObject({ count: 0 });
  expect(textOf(await renderTargetList([], { endpoint: "node" }))).toBe("[]\n");
});

test("lost and draining instances stand in it as active ones do; others do not", async () => {
  const states: InstanceState[] = ["expected", "active", "lost", "draining", "removed"];
  const shown = await Promise.all(
    states.map(async (state) =>
      textOf(await renderTargetList([instanceOf("i-1", { state })], { endpoint: "node" })),
    ),
  );
  expect(shown.map((text) => text === shown[1])).toEqual([false, true, true, true, false]);
  expect(shown[0]).toBe("[]\n");
});

for (const { name, selection, ids } of [
  { name: "its endpoint", selection: { endpoint: "app" }, ids: ["c"] },
  { name: "its project", selection: { endpoint: "node", project: "p-2" }, ids: ["b"] },
  { name: "its scope", selection: { endpoint: "node", scope: "other" }, ids: ["c"] },
  { name: "an unknown endpoint", selection: { endpoint: "none" }, ids: [] },
]) {
  test(`a selection by ${name} shows nothing else`, async () => {
    const all = [
      instanceOf("a"),
      instanceOf("b", { project: "p-2" }),
      instanceOf("c", {
        scope: "other",
        endpoints: [
          { name: "app", address: "10.0.0.1", port: 8080 },
          { name: "node", address: "10.0.0.1", port: 9100 },
        ],
      }),
    ];
    const list = JSON.parse(textOf(await renderTargetList(all, selection))) as {
      labels: Record<string, string>;
    }[];
    expect(list.map(({ labels }) => labels["__meta_ferry_instance"])).toEqual(ids);
  });
}

test("shards part a list: each target in one", async () => {
  const all = Array.from({ length: 500 }, (_, i) => instanceOf(`i-${`${i}`.padStart(3, "0")}`));
  const whole = JSON.parse(textOf(await renderTargetList(all, { endpoint: "node" }))) as unknown[];
  const parts = await Promise.all(
    [0, 1, 2].map(async (index) => {
      const list = await renderTargetList(all, { endpoint: "node", shard: { index, count: 3 } });
      return JSON.parse(textOf(list)) as unknown[];
    }),
  );
  expect(parts.flat()).toHaveLength(500);
  expect(new Set(parts.flat().map((group) => JSON.stringify(group)))).toEqual(
    new Set(whole.map((group) => JSON.stringify(group))),
  );
});

test("instances out of order are refused", async () => {
  for (const ids of [
    ["b", "a"],
    ["a", "a"],
  ]) {
    const list = renderTargetList(
      ids.map((id) => instanceOf(id)),
      { endpoint: "node" },
    );
    await expect(list).rejects.toThrow(RangeError);
  }
});

test("slices give way to others and change no byte", async () => {
  const all = Array.from({ length: 5_000 }, (_, i) => instanceOf(`i-${`${i}`.padStart(4, "0")}`));
  const whole = await renderTargetList(all, { endpoint: "node" }, { elapsed: () => 0 });
  let [pauses, time] = [0, 0];
  const options = {
    sliceMs: 1,
    elapsed: () => time++,
    pause: async () => void pauses++,
  };
  expect(await renderTargetList(all, { endpoint: "node" }, options)).toEqual(whole);
  expect(pauses).toBeGreaterThan(10);
});

test("any instances give JSON with targets and labels, and equal bytes for equal content", async () => {
  const instance = fc.record({
    id: fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/),
    state: fc.constantFrom<InstanceState>("active", "lost", "removed"),
    labels: fc.dictionary(
      fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/),
      fc.string({ unit: "grapheme", maxLength: 12 }),
    ),
    rev: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(instance, { selector: ({ id }) => id }), async (some) => {
      const sorted = [...some].sort((a, b) => (a.id < b.id ? -1 : 1));
      const list = await renderTargetList(
        sorted.map((entry) => instanceOf(entry.id, entry)),
        { endpoint: "node" },
      );
      const groups = JSON.parse(textOf(list)) as { targets: string[]; labels: Record<string, string> }[];
      const served = sorted.filter(({ state }) => state !== "removed");
      expect(groups).toHaveLength(served.length);
      for (const [i, group] of groups.entries()) {
        expect(Object.keys(group)).toEqual(["targets", "labels"]);
        expect(Object.keys(group.labels).every((name) => name.startsWith("__meta_ferry_"))).toBe(true);
        expect(group.labels["__meta_ferry_instance"]).toBe(served[i]?.id);
        for (const [name, value] of Object.entries(served[i]?.labels ?? {})) {
          expect(group.labels[`__meta_ferry_label_${name}`]).toBe(value);
        }
      }
      const shuffledLabels = sorted.map((entry) => ({
        ...entry,
        rev: entry.rev + 1,
        labels: Object.fromEntries(Object.entries(entry.labels).reverse()),
      }));
      const again = await renderTargetList(
        shuffledLabels.map((entry) => instanceOf(entry.id, entry)),
        { endpoint: "node" },
      );
      expect(again.etag).toBe(list.etag);
    }),
    { numRuns: 100 },
  );
});

test("a list that follows changes is the list of what there is, byte for byte", async () => {
  const selections = [
    { endpoint: "node" },
    { endpoint: "app" },
    { endpoint: "node", project: "p-2" },
    { endpoint: "node", shard: { index: 1, count: 3 } },
  ];
  const places = ["node", "app"].map((name, i) => ({ name, address: "10.0.0.1", port: 8_080 + i }));
  const change = fc.record({
    first: fc.nat({ max: 1_500 }),
    count: fc.constantFrom(1, 1, 3, 700),
    state: fc.constantFrom<InstanceState>("active", "active", "lost", "removed"),
    project: fc.constantFrom("p-1", "p-2"),
    endpoints: fc.constantFrom(places, places.slice(0, 1), places.slice(1)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 6 }), async (rounds) => {
      const renderers = selections.map((selection) => createListRenderer(selection));
      const present = new Map<string, Instance>();
      let pages: readonly TargetPage[] = [];
      for (const round of rounds) {
        const changed = new Map<string, Instance>();
        for (const { first, count, state, project, endpoints } of round) {
          for (let i = first; i < first + count; i++) {
            const id = `i-${(i * 7_919) % 4_096}`;
            changed.set(id, instanceOf(id, { state, project, endpoints }));
          }
        }
        for (const [id, instance] of changed) present.set(id, instance);
        pages = changePages(pages, [...changed.values()]);
        const all = [...present.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
        for (const [i, selection] of selections.entries()) {
          const { chunks, bytes, etag, count } = await renderers[i]!.render(pages);
          const body = Buffer.concat(chunks);
          expect({ body, etag, count }).toEqual(await renderTargetList(all, selection));
          expect(bytes).toBe(body.length);
        }
      }
    }),
    { numRuns: 15 },
  );
});

test("a change leaves the pages and pieces of all others as they were", async () => {
  const all = Array.from({ length: 5_000 }, (_, i) => instanceOf(`i-${`${i}`.padStart(4, "0")}`));
  const renderer = createListRenderer({ endpoint: "node" });
  const pages = changePages([], all);
  const first = await renderer.render(pages);
  const changed = await renderer.render(changePages(pages, [instanceOf("i-2500", { project: "p-9" })]));
  expect(changed.etag).not.toBe(first.etag);
  const same = changed.chunks.filter((chunk) => first.chunks.includes(chunk));
  // The first piece is cut anew, without its comma.
  expect(changed.chunks.length - same.length).toBe(2);
});

test("endpoints with names of every object are lists like others", async () => {
  const endpoints = ["constructor", "node"].map((name) => ({ name, address: "10.0.0.1", port: 9_100 }));
  const all = [instanceOf("a", { endpoints }), instanceOf("b")];
  expect((await renderTargetList(all, { endpoint: "constructor" })).count).toBe(1);
  expect((await renderTargetList(all, { endpoint: "valueOf" })).count).toBe(0);
});
