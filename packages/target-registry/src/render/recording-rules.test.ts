import { expect, test } from "vitest";
import { RESERVED_LABELS } from "../model/policy.ts";
import { instanceRules, serviceRules } from "./recording-rules.ts";

test("no instance may bring a label that a rule reads from its page", () => {
  const options = { prefix: "click_deploy", job: "ferry-node", intervalMs: 30_000 };
  const rules = [...instanceRules(options), ...serviceRules(options)].map(({ expr }) => expr).join("\n");
  const matched = [...rules.matchAll(/([a-z_]+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label);
  const grouped = [...rules.matchAll(/(?:by|without) \(([a-z_, ]+)\)/g)].flatMap(([, list]) =>
    list!.split(", "),
  );
  const read = new Set([...matched, ...grouped]);
  expect([...read]).toEqual(expect.arrayContaining(["job", "mode", "cpu", "device", "instance_id"]));
  expect([...read].filter((label) => !RESERVED_LABELS.includes(label!))).toEqual([]);
});
