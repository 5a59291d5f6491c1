import { expect, test } from "vitest";
import { compileRelabel } from "./relabel.ts";
import { type RelabelConfig, RelabelError, relabelProblems } from "./relabel-config.ts";

type Bag = Readonly<Record<string, string>>;

function relabel(configs: readonly RelabelConfig[], bag: Bag): Bag | undefined {
  const labels = Object.entries(bag).map(([name, value]) => ({ name, value }));
  const relabelled = compileRelabel(configs)(labels);
  return relabelled && Object.fromEntries(relabelled.map(({ name, value }) => [name, value]));
}

const abc = { a: "foo", b: "bar", c: "baz" };

// The values of hashmod are those of Prometheus' own tests.
for (const { name, rules, from = abc, to } of [
  { name: "no rules change nothing", rules: [], to: abc },
  {
    name: "replace joins with a semicolon and takes the first group",
    rules: [{ source_labels: ["a", "b"], target_label: "d" }],
    to: { ...abc, d: "foo;bar" },
  },
  {
    name: "replace writes groups in both spellings",
    rules: [{ source_labels: ["a"], regex: "f(.*)", target_label: "d", replacement: "ch${1}-ch$1" }],
    to: { ...abc, d: "choo-choo" },
  },
  {
    name: "rules work on what the ones before them left",
    rules: [
      { source_labels: ["a", "b"], regex: "f(.*);(.*)r", target_label: "a", replacement: "b${1}${2}m" },
      { source_labels: ["c", "a"], regex: "(b).*b(.*)ba(.*)", target_label: "d", replacement: "$1$2$2$3" },
    ],
    to: { a: "boobam", b: "bar", c: "baz", d: "boooom" },
  },
  {
    name: "an expression must match as a whole",
    rules: [{ source_labels: ["a"], regex: "o", target_label: "d", replacement: "x" }],
    to: abc,
  },
  {
    name: "alternatives are anchored together",
    rules: [{ source_labels: ["a"], regex: "f|oo", action: "keep" }],
    to: undefined,
  },
  {
    name: "a dot matches a line feed",
    rules: [{ source_labels: ["a"], target_label: "d" }],
    from: { a: "x\ny" },
    to: { a: "x\ny", d: "x\ny" },
  },
  {
    name: "replace without sources sets a constant",
    rules: [{ target_label: "d", replacement: "eu" }],
    to: { ...abc, d: "eu" },
  },
  {
    name: "an empty replacement takes the label away",
    rules: [{ source_labels: ["a"], regex: "(f).*", target_label: "b", replacement: "$2" }],
    to: { a: "foo", c: "baz" },
  },
  {
    name: "no match leaves the target alone",
    rules: [{ source_labels: ["a"], regex: "x", target_label: "b", replacement: "" }],
    to: abc,
  },
  {
    name: "groups may stand in the target label",
    rules: [{ source_labels: ["a"], regex: "(f)(.*)", target_label: "${1}_$2", replacement: "x" }],
    to: { ...abc, f_oo: "x" },
  },
  {
    name: "a target that comes out as no label name changes nothing",
    rules: [{ source_labels: ["a"], regex: "(.*)", target_label: "$1", replacement: "x" }],
    from: { a: "0-0" },
    to: { a: "0-0" },
  },
  {
    name: "a group's name is as long as it can be",
    rules: [{ source_labels: ["a"], target_label: "d", replacement: "$1x|${1}x|$$1|$|${" }],
    to: { ...abc, d: "|foox|$1|$|${" },
  },
  {
    name: "named groups are groups",
    rules: [
      {
        source_labels: ["a"],
        regex: "(?P<head>.)(?P<tail>.*)",
        target_label: "d",
        replacement: "$tail$head",
      },
    ],
    to: { ...abc, d: "oof" },
  },
  { name: "keep keeps", rules: [{ source_labels: ["a"], regex: "f.*", action: "keep" }], to: abc },
  {
    name: "keep drops the rest",
    rules: [{ source_labels: ["a"], regex: "no", action: "keep" }],
    to: undefined,
  },
  { name: "drop drops", rules: [{ source_labels: ["a"], regex: ".*o.*", action: "drop" }], to: undefined },
  { name: "drop keeps the rest", rules: [{ source_labels: ["a"], regex: "f", action: "drop" }], to: abc },
  {
    name: "an absent label is an empty value",
    rules: [{ source_labels: ["nope"], regex: "", action: "keep" }],
    to: abc,
  },
  {
    name: "a source label may have any name",
    rules: [{ source_labels: ["http.method"], target_label: "method" }],
    from: { "http.method": "GET" },
    to: { "http.method": "GET", method: "GET" },
  },
  {
    name: "keepequal compares with the target",
    rules: [{ source_labels: ["a"], target_label: "b", action: "keepequal" }],
    from: { a: "x", b: "x" },
    to: { a: "x", b: "x" },
  },
  {
    name: "keepequal drops unequal ones",
    rules: [{ source_labels: ["a"], target_label: "b", action: "keepequal" }],
    to: undefined,
  },
  {
    name: "dropequal keeps unequal ones",
    rules: [{ source_labels: ["a"], target_label: "b", action: "dropequal" }],
    to: abc,
  },
  {
    name: "dropequal takes two absent labels for equal",
    rules: [{ source_labels: ["x"], target_label: "y", action: "dropequal" }],
    to: undefined,
  },
  {
    name: "hashmod takes the last eight bytes of the MD5 sum",
    rules: [{ source_labels: ["c"], target_label: "d", modulus: 1000, action: "hashmod" }],
    to: { ...abc, d: "976" },
  },
  {
    name: "hashmod hashes bytes, not UTF-16",
    rules: [{ source_labels: ["a"], target_label: "d", modulus: 1000, action: "hashmod" }],
    from: { a: "foo\nbar" },
    to: { a: "foo\nbar", d: "734" },
  },
  {
    name: "labelmap copies values to mapped names",
    rules: [{ regex: "(b.*)", replacement: "bar_${1}", action: "labelmap" }],
    from: { a: "foo", b1: "bar", b2: "baz" },
    to: { a: "foo", b1: "bar", b2: "baz", bar_b1: "bar", bar_b2: "baz" },
  },
  {
    name: "labelmap does not map what it has made",
    rules: [{ regex: "__meta_(my_.*)", replacement: "__meta_my_$1", action: "labelmap" }],
    from: { __meta_my_bar: "aaa" },
    to: { __meta_my_bar: "aaa", __meta_my_my_bar: "aaa" },
  },
  {
    name: "labeldrop drops by name",
    rules: [{ regex: "b.*", action: "labeldrop" }],
    from: { a: "foo", b1: "bar", b2: "baz" },
    to: { a: "foo" },
  },
  {
    name: "labelkeep keeps by name, the metric's own name included",
    rules: [{ regex: "__name__|b1", action: "labelkeep" }],
    from: { __name__: "m", a: "foo", b1: "bar" },
    to: { __name__: "m", b1: "bar" },
  },
  {
    name: "the metric's name is a label like any other",
    rules: [
      { source_labels: ["__name__"], regex: "k1_(.*)", target_label: "__name__", replacement: "kone_$1" },
    ],
    from: { __name__: "k1_views_total" },
    to: { __name__: "kone_views_total" },
  },
  {
    name: "lowercase and uppercase map character by character",
    rules: [
      { source_labels: ["a"], target_label: "lower", action: "Lowercase" },
      { source_labels: ["a"], target_label: "upper", action: "UPPERCASE" },
    ],
    from: { a: "FooẞßΣİ" },
    to: { a: "FooẞßΣİ", lower: "fooßßσi", upper: "FOOẞßΣİ" },
  },
  {
    name: "lowercase of nothing takes the target away",
    rules: [{ source_labels: ["x"], target_label: "a", action: "lowercase" }],
    to: { b: "bar", c: "baz" },
  },
  {
    name: "an empty label is an absent one",
    rules: [{ regex: "a", action: "labelkeep" }],
    from: { a: "", b: "x" },
    to: {},
  },
] satisfies { name: string; rules: RelabelConfig[]; from?: Bag; to: Bag | undefined }[]) {
  test(`relabelling: ${name}`, () => {
    expect(relabel(rules, from)).toEqual(to);
  });
}

test("the result is sorted by name", () => {
  const labels = [
    { name: "b", value: "1" },
    { name: "__name__", value: "m" },
    { name: "a", value: "2" },
  ];
  expect(compileRelabel([])(labels)!.map(({ name }) => name)).toEqual(["__name__", "a", "b"]);
});

for (const { name, text, regex, matches } of [
  { name: "case-insensitive flag", text: "FOO", regex: "(?i)foo", matches: true },
  { name: "POSIX class", text: "a1_", regex: "[[:alnum:]_]+", matches: true },
  { name: "POSIX class with others", text: "a-", regex: "[[:alpha:][:digit:]-]+", matches: true },
  { name: "escaped punctuation", text: "a-b:c@d", regex: "a\\-b\\:c\\@d", matches: true },
  { name: "escaped punctuation in a bracket", text: "-", regex: "[\\-\\_]", matches: true },
  { name: "dash that is no range", text: ",", regex: "[+\\-9]", matches: false },
  { name: "brace that is no quantifier", text: "a{b}", regex: "a{b}", matches: true },
  { name: "quantifier", text: "aaa", regex: "a{2,3}", matches: true },
  { name: "closing bracket first in a class", text: "]", regex: "[]a]", matches: true },
  { name: "short property", text: "é", regex: "\\pL", matches: true },
  { name: "hexadecimal code point", text: "😀", regex: "\\x{1F600}", matches: true },
  { name: "dot is a whole code point", text: "😀", regex: ".", matches: true },
  { name: "quoted text", text: "a.b", regex: "\\Qa.b\\E", matches: true },
  { name: "quoted text is literal", text: "axb", regex: "\\Qa.b\\E", matches: false },
  { name: "Go's white space is ASCII", text: "\u00a0", regex: "\\s", matches: false },
  { name: "text anchors", text: "x", regex: "\\Ax\\z", matches: true },
  { name: "slash", text: "a/b", regex: "a\\/b", matches: true },
]) {
  test(`an expression of RE2 works: ${name}`, () => {
    const kept = relabel([{ source_labels: ["a"], regex, action: "keep" }], { a: text });
    expect(kept !== undefined).toBe(matches);
  });
}

for (const { rule, message } of [
  { rule: { action: "rename" }, message: 'unknown action "rename": expected one of replace, keep' },
  { rule: { action: "" }, message: 'unknown action ""' },
  { rule: {}, message: "replace requires target_label" },
  { rule: { target_label: "a-b" }, message: '"a-b" is invalid as target_label of replace' },
  { rule: { target_label: "0${1}" }, message: "invalid as target_label" },
  { rule: { action: "hashmod", target_label: "a" }, message: "hashmod requires modulus" },
  { rule: { action: "hashmod", modulus: 3 }, message: "hashmod requires target_label" },
  {
    rule: { action: "hashmod", modulus: 3, target_label: "${1}" },
    message: "invalid as target_label of hashmod",
  },
  {
    rule: { action: "lowercase", target_label: "a", replacement: "x" },
    message: "replacement can't be set for lowercase",
  },
  {
    rule: { action: "labelmap", replacement: "a b" },
    message: '"a b" is invalid as replacement of labelmap',
  },
  {
    rule: { action: "labeldrop", source_labels: ["a"] },
    message: "labeldrop takes only regex, not source_labels",
  },
  { rule: { action: "labelkeep", separator: "," }, message: "labelkeep takes only regex, not separator" },
  {
    rule: { action: "keepequal", target_label: "a", regex: "x" },
    message: "keepequal takes only source_labels and target_label, not regex",
  },
  { rule: { action: "dropequal" }, message: "dropequal requires target_label" },
  { rule: { action: "keep", regex: "(" }, message: 'regex "(": unterminated group' },
  { rule: { action: "keep", regex: "[a" }, message: "missing ]" },
  { rule: { action: "keep", regex: "a(?=b)" }, message: "look-around is not known to Prometheus" },
  { rule: { action: "keep", regex: "(a)\\1" }, message: "back references are not known to Prometheus" },
  { rule: { action: "keep", regex: "a(?i)b" }, message: "only as (?i) or (?s) at the very beginning" },
] satisfies { rule: RelabelConfig; message: string }[]) {
  test(`${JSON.stringify(rule)} is refused`, () => {
    expect(() => compileRelabel([{ action: "keep" }, rule])).toThrow(RelabelError);
    expect(() => compileRelabel([{ action: "keep" }, rule])).toThrow(`relabel rule 2: `);
    expect(
      relabelProblems([rule])
        .map((problem) => problem.message)
        .join(),
    ).toContain(message);
  });
}
