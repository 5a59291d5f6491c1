import { RESERVED_LABELS } from "@promferry/target-registry";
import { expect, test } from "vitest";
import { METRICS } from "./metric-catalogue.ts";
import { createTerms } from "./promql.ts";

test("no instance may bring a label that a question reads from its page", () => {
  const terms = createTerms({ level: "service", scope: {}, prefix: "click_deploy", intervalMs: 30_000 });
  const questions = METRICS.flatMap(({ value, total, presence }) => [
    value?.(terms) ?? "",
    total?.(terms, "3600s") ?? "",
    ...presence(terms),
  ]).join("\n");
  const matched = [...questions.matchAll(/([a-z_]+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label);
  const grouped = [...questions.matchAll(/(?:by|on) \(([a-z_, ]+)\)/g)].flatMap(([, list]) =>
    list!.split(", "),
  );
  const read = new Set([...matched, ...grouped]);
  expect([...read]).toEqual(expect.arrayContaining(["name", "interface", "status", "handler", "le"]));
  expect([...read].filter((label) => !RESERVED_LABELS.includes(label!))).toEqual([]);
});
