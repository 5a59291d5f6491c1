import { DeliveryError } from "@promferry/core/delivery";
import type { MetricFamily } from "@promferry/core/series";
import { expect, test } from "vitest";
import { putAcceptable } from "./put-acceptable.ts";

const family = (name: string): MetricFamily => ({
  name,
  type: "gauge",
  help: "",
  unit: "",
  series: [{ name, labels: [] }],
  values: [1],
  timestampsMs: [Number.NaN],
});
const rejected = (why: string) => new DeliveryError("ERR_DELIVERY_REJECTED", `answered with 400: ${why}`);

/** A gateway that refuses any push with a family of `bad`, or with both of a `clash`. */
function gateway(bad: readonly string[], clash: readonly string[] = []) {
  let group: string[] = ["old"];
  const puts: string[] = [];
  return {
    puts,
    group: () => group.join(" "),
    put: async (families: readonly MetricFamily[]) => {
      const names = families.map(({ name }) => name);
      puts.push(names.join(" "));
      const fault = names.find((name) => bad.includes(name));
      if (fault) throw rejected(`bad ${fault}`);
      if (clash.length > 0 && clash.every((name) => names.includes(name))) throw rejected("clash");
      group = names;
    },
    probe: async () => {},
  };
}

for (const { name, families, bad, clash, group, refused } of [
  { name: "everything in one request", families: "a b c d", bad: [], group: "a b c d", refused: [] },
  { name: "all but one bad family", families: "a b c d e", bad: ["d"], group: "a b c e", refused: ["d"] },
  {
    name: "all but several",
    families: "a b c d e f g h",
    bad: ["a", "d", "h"],
    group: "b c e f g",
    refused: ["a", "d", "h"],
  },
  {
    name: "the first of two that clash",
    families: "a b c d",
    bad: [],
    clash: ["b", "d"],
    group: "a b c",
    refused: ["d"],
  },
  {
    name: "nothing where all are bad, and leaves the group as it was",
    families: "a b c",
    bad: ["a", "b", "c"],
    group: "old",
    refused: ["a", "b", "c"],
  },
  { name: "not the only one when it is bad", families: "a", bad: ["a"], group: "old", refused: ["a"] },
]) {
  test(`putAcceptable puts ${name}`, async () => {
    const target = gateway(bad, clash);

    const result = await putAcceptable(families.split(" ").map(family), target);

    expect(target.group()).toBe(group);
    expect(result.accepted).toBe(group === "old" ? 0 : group.split(" ").length);
    expect(result.refused.map((each) => each.family.name)).toEqual(refused);
    for (const { reason } of result.refused) expect(reason).toContain("answered with 400");
    if (refused.length === 0) expect(target.puts).toEqual([families]);
  });
}

test("putAcceptable finds one bad family of many in few requests", async () => {
  const target = gateway(["f700"]);
  const families = Array.from({ length: 1000 }, (_, i) => family(`f${i}`));
  expect((await putAcceptable(families, target)).accepted).toBe(999);
  expect(target.puts.length).toBeLessThan(25);
});

test("putAcceptable does not halve when the group itself is refused", async () => {
  const target = gateway(["a", "b"]);
  const whole = putAcceptable([family("a"), family("b")], {
    ...target,
    probe: async () => {
      throw rejected("job name is required");
    },
  });
  await expect(whole).rejects.toThrow("bad a");
  expect(target.puts).toEqual(["a b"]);
});

test("putAcceptable stops at the first failure of another kind", async () => {
  const down = new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut", { inDoubt: true });
  const target = gateway(["a"]);
  const whole = putAcceptable([family("a"), family("b")], {
    ...target,
    put: async (families) => {
      if (target.puts.length === 2) throw down;
      await target.put(families);
    },
  });
  await expect(whole).rejects.toBe(down);
});
