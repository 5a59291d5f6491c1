import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.ts";
import { formatProblem } from "./problem.ts";
import { configJsonSchema } from "./schema.ts";

const SAMPLE = readFileSync(new URL("../../test/sample-config.yaml", import.meta.url), "utf8");

const destination = (fields: string) =>
  `metrics: { destinations: [{ name: a, type: prometheus, url: "https://a.example", ${fields} }] }`;

test("the sample of the documentation has no problem", () => {
  const { config, problems } = parseConfig(SAMPLE);
  expect(problems).toEqual([]);
  expect(config?.metrics.write_interval).toBe(300_000);
  expect(config?.metrics.destinations.map(({ name }) => name)).toEqual([
    "grafana-cloud",
    "company-gateway",
    "custom",
  ]);
});

test("an empty file and an empty section mean the defaults", () => {
  for (const text of ["", "# nothing\n", "metrics:\n", "{}"]) {
    const { config, problems } = parseConfig(text);
    expect(problems).toEqual([]);
    expect(config?.metrics).toMatchObject({ retention_days: 7, write_interval: 300_000 });
  }
});

test("every problem of a file is shown, each with its line and a caret", () => {
  const text = `metrics:
  retention_day: 7
  write_interval: 5 minutes
  destinations:
    - name: 2025-10-06
      type: prometeus
      url: https://a.example
    - name: b
      type: http
      url: ftp://b.example
      tenant: x
      bogus: 1
`;
  const shown = parseConfig(text).problems.map((problem) => formatProblem(problem, "c.yaml", text));
  expect(shown).toEqual([
    `c.yaml:2:3: unknown key "retention_day"; did you mean "retention_days"?
   2 |   retention_day: 7
     |   ^`,
    `c.yaml:3:19: expected a duration such as 30s, 5m or 1h30m, got "5 minutes"
   3 |   write_interval: 5 minutes
     |                   ^`,
    `c.yaml:6:13: expected one of remote-write, grafana-cloud, prometheus, mimir, cortex, victoriametrics, pushgateway, http, got "prometeus"; did you mean "prometheus"?
   6 |       type: prometeus
     |             ^`,
    expect.stringMatching(/^c\.yaml:12:7: unknown key "bogus"; known here: name, type, url, /),
  ]);
});

for (const { name, text, says } of [
  { name: "broken YAML", text: "metrics: [1", says: ["1:12", "not valid YAML: "] },
  {
    name: "a key given twice",
    text: "app: a\napp: b\n",
    says: ["2:1", "not valid YAML: Map keys must be unique"],
  },
  { name: "a list as the file", text: "- a\n", says: ["1:1", "expected a mapping"] },
  {
    name: "a missing field",
    text: "metrics: { destinations: [{ name: a, type: http }] }",
    says: ["1:27", "url is missing"],
  },
  {
    name: "a name that begins like a date",
    text: destination("").replace("name: a", "name: 2025-10-06x"),
    says: ["1:35", "begins like a date"],
  },
  {
    name: "two destinations of one name",
    text: destination("").replace(" }] }", " }, { name: a, type: http, url: 'https://b' }] }"),
    says: ["second destination named a"],
  },
  {
    name: "a field of another type",
    text: destination("job_name: x"),
    says: ["job_name is only for pushgateway"],
  },
  {
    name: "a password in the URL",
    text: destination("").replace("//a", "//u:p@a"),
    says: ["use the setting auth"],
  },
  {
    name: "basic without a password",
    text: destination("auth: { username: u }"),
    says: ["expected one of password, password_file, password_cmd"],
  },
  {
    name: "two sources of a password",
    text: destination("auth: { username: u, password_file: f, password_cmd: c }"),
    says: ["password_cmd stands beside password_file"],
  },
  {
    name: "a token for basic",
    text: destination("auth: { type: basic, username: u, password_cmd: c, token_cmd: t }"),
    says: ["token_cmd belongs to type: bearer"],
  },
  {
    name: "credentials over plain http",
    text: destination("auth: { token_cmd: t }").replace("https", "http"),
    says: ["readable on the way", "insecure: true"],
  },
  {
    name: "credentials over plain http to a name that begins like this machine's address",
    text: destination("auth: { token_cmd: t }").replace("https://a", "http://127.0.0.1.a"),
    says: ["readable on the way", "insecure: true"],
  },
  {
    name: "a request that may take no time",
    text: destination("timeout: 0s"),
    says: ["expected at least 1ms"],
  },
  {
    name: "a reserved header",
    text: destination("headers: { authorization: x }"),
    says: ["use the setting auth"],
  },
  {
    name: "a label that is no name",
    text: destination("external_labels: { a-b: x }"),
    says: ["expected a label name"],
  },
  { name: "half a client certificate", text: destination("tls: { cert_file: x }"), says: ["go together"] },
  {
    name: "a key that is almost one for coarser counts",
    text: "metrics:\n  round_count: 10\n",
    says: ["2:3", 'did you mean "round_counts"?'],
  },
  {
    name: "counts rounded to 1",
    text: "metrics: { round_counts: 1 }",
    says: ["1:26", "expected at least 2, got 1"],
  },
  {
    name: "counts rounded to no whole number",
    text: "metrics: { round_counts: 2.5 }",
    says: ["1:26", "expected a whole number, got 2.5"],
  },
  {
    name: "a minimum that is no number",
    text: "metrics: { minimum_count: many }",
    says: ["1:27", 'expected a whole number, got "many"'],
  },
  ...["7h", "2d", "500ms"].map((step) => ({
    name: `a step of ${step}, which a day is no whole number of`,
    text: `metrics: { time_step: ${step} }`,
    says: ["1:23", "expected a part of a day, from 1s to 1d, such as 1m, 15m, 1h or 6h", `got "${step}"`],
  })),
  {
    name: "a step that is no duration",
    text: "metrics: { time_step: hourly }",
    says: ["1:23", "expected a duration"],
  },
  {
    name: "samples that are too old once their step is over",
    text: destination("max_age: 1h").replace("metrics: { ", "metrics: { time_step: 1h, "),
    says: ["expected at least 2h, twice metrics.time_step"],
  },
  {
    name: "a malformed variable",
    text: destination(`tenant: "\${A:-b}"`),
    says: ["expected a variable such as"],
  },
  {
    name: "a session's variable outside labels",
    text: destination(`tenant: "\${PROMFERRY_OS}"`),
    says: ["differs by session"],
  },
  {
    name: "a relabelling rule that Prometheus would refuse",
    text: destination("write_relabel_configs: [{ regex: '(' , action: drop }, { action: hashmod }]"),
    says: ["regex", "hashmod requires modulus"],
  },
  {
    name: "a user's hash outside labels",
    text: destination(`tenant: "\${USER_HASH}"`),
    says: ["can only stand in labels"],
  },
  {
    name: "an unknown default destination",
    text: destination("").replace("destinations", "default_destination: aa, destinations"),
    says: ["no destination is named aa"],
  },
  {
    name: "an identity beside anonymize_user: false",
    text: "metrics: { anonymize_user: false, identity: installation }",
    says: ["contradicts"],
  },
]) {
  test(`parseConfig refuses ${name}`, () => {
    const { config, problems } = parseConfig(text);
    const shown = problems.map((problem) => formatProblem(problem, "c.yaml", text)).join("\n");
    expect(config).toBeUndefined();
    for (const piece of says) expect(shown).toContain(piece);
  });
}

for (const { name, text, says } of [
  {
    name: "a secret in plain text",
    text: destination("auth: { token: abc }"),
    says: "a secret in plain text",
  },
  {
    name: "plain retention that keeps days for ever",
    text: "metrics: { retention_overrides_upload: true, retention_days: 0 }",
    says: "has no effect with retention_days: 0",
  },
  {
    name: "collapsing without an age",
    text: destination("on_too_old: collapse"),
    says: "has no effect without max_age",
  },
  { name: "a hashed host name", text: "metrics: { identity: hostname-sha256 }", says: "can be guessed" },
]) {
  test(`parseConfig warns about ${name}`, () => {
    const { config, problems } = parseConfig(text);
    expect(config).toBeDefined();
    expect(problems).toMatchObject([{ severity: "warning", message: expect.stringContaining(says) }]);
  });
}

test("a problem never shows a secret", () => {
  const text = destination("auth: { username: [hunter2], password: { a: hunter2 } }");
  const messages = parseConfig(text).problems.map(({ message }) => message);
  expect(messages).toEqual(["expected a text", "expected a text"]);
});

test("numbers where a text is meant keep their digits", () => {
  const { config } = parseConfig(
    destination("auth: { username: 0123, password_cmd: c }, external_labels: { v: 1.10 }"),
  );
  expect(config?.metrics.destinations[0]).toMatchObject({
    auth: { username: "0123" },
    external_labels: { v: "1.10" },
  });
});

test("aliases that multiply are refused instead of expanded", () => {
  const levels = Array.from({ length: 30 }, (_, i) => `x${i + 1}: &x${i + 1} [*x${i}, *x${i}]`);
  const { config, problems } = parseConfig(`x0: &x0 a\n${levels.join("\n")}\n`);
  expect(config).toBeUndefined();
  expect(problems.length).toBeGreaterThan(0);
});

test("the JSON Schema names every key of a destination", () => {
  const schema = JSON.stringify(configJsonSchema());
  for (const key of ["grouping_keys", "write_relabel_configs", "on_too_old"])
    expect(schema).toContain(`"${key}"`);
});
