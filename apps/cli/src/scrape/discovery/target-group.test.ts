import { expect, test } from "vitest";
import { parseTargetGroups } from "./target-group.ts";

for (const { name, text, format, groups } of [
  { name: "an empty JSON list", text: "[]", format: "json", groups: [] },
  { name: "an empty YAML file", text: "# none\n", format: "yaml", groups: [] },
  {
    name: "JSON",
    text: '[{"targets":["a:1","b:2"],"labels":{"__metrics_path__":"/x"}},{"targets":[]}]',
    format: "json",
    groups: [
      { targets: ["a:1", "b:2"], labels: { __metrics_path__: "/x" } },
      { targets: [], labels: {} },
    ],
  },
  {
    name: "YAML, its numbers as they are written",
    text: "- targets: [a:1]\n  labels:\n    zone: 07\n    on: yes\n- targets: [b]\n  labels:\n",
    format: "yaml",
    groups: [
      { targets: ["a:1"], labels: { zone: "07", on: "yes" } },
      { targets: ["b"], labels: {} },
    ],
  },
] as const) {
  test(`a list of targets is read from ${name}`, () => {
    expect(parseTargetGroups(text, format)).toEqual(groups);
  });
}

test("broken YAML is told in one line, with its place", () => {
  expect(() => parseTargetGroups("- targets: [a\n", "yaml")).toThrow(/^[^\n]* at line 2, column 1$/);
});

for (const { text, says } of [
  { text: "{}", says: "expected a list of groups, got {}" },
  { text: '[{"targets":["a"]},3]', says: "[1]: expected a mapping, got 3" },
  { text: '[{"target":["a"]}]', says: '[0]: expected targets and labels, got "target"' },
  { text: '[{"targets":"a"}]', says: '[0].targets: expected a list of texts, got "a"' },
  { text: '[{"targets":["a",1]}]', says: "[0].targets: expected a list of texts" },
  { text: '[{"targets":[],"labels":{"a":1}}]', says: "[0].labels.a: expected a text, got 1" },
  { text: '[{"targets":[],"labels":[]}]', says: "[0].labels: expected a mapping of texts, got []" },
  { text: `[{"targets":[${'"a",'.repeat(100_000)}"a"]}]`, says: "more than 100000 targets" },
  { text: '[{"targets":[', says: "JSON" },
]) {
  test(`the list ${text.slice(0, 40)} is refused`, () => {
    expect(() => parseTargetGroups(text, "json")).toThrow(says);
  });
}
