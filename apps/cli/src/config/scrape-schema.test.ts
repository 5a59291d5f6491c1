import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.ts";
import { formatProblem } from "./problem.ts";
import { configJsonSchema } from "./schema.ts";

test("a scrape config of one name and one list has Prometheus' defaults", () => {
  const { config, problems } = parseConfig(
    "scrape_configs: [{ job_name: 1, static_configs: [{ targets: ['a:1'], labels: { zone: 07 } }] }]",
  );
  expect(problems).toEqual([]);
  expect(config?.scrape_configs).toMatchObject([
    {
      job_name: "1",
      scrape_interval: 60_000,
      metrics_path: "/metrics",
      scheme: "http",
      honor_labels: false,
      honor_timestamps: true,
      static_configs: [{ targets: ["a:1"], labels: { zone: "07" } }],
      body_size_limit: 33_554_432,
      line_size_limit: 1_048_576,
    },
  ]);
});

test("every setting of a job is taken", () => {
  const { config, problems } = parseConfig(`scrape_configs:
  - job_name: all
    scrape_interval: 30s
    scrape_timeout: 5s
    metrics_path: /probe
    scheme: https
    params: { module: [http_2xx, 7] }
    honor_labels: true
    honor_timestamps: false
    authorization: { type: Bearer, credentials_file: token }
    tls_config: { ca_file: ca.pem }
    static_configs: [{ targets: [a] }]
    file_sd_configs: [{ files: [targets/*.json], refresh_interval: 1m }]
    http_sd_configs: [{ url: "https://sd.example/list", basic_auth: { username: u, password_cmd: [pass, sd] } }]
    relabel_configs: [{ source_labels: [__meta_zone], target_label: zone }]
    metric_relabel_configs: [{ regex: tmp, action: labeldrop }, { target_label: n, replacement: 1 }]
    sample_limit: 1000
    body_size_limit: 10MB
    line_size_limit: 2MB
    label_limit: 30
    label_name_length_limit: 200
    label_value_length_limit: 500
`);
  expect(problems).toEqual([]);
  expect(config?.scrape_configs[0]).toMatchObject({
    params: { module: ["http_2xx", "7"] },
    body_size_limit: 10 * 1024 ** 2,
    line_size_limit: 2 * 1024 ** 2,
    http_sd_configs: [{ refresh_interval: 60_000 }],
  });
});

test("every problem of the jobs is shown, each with its line and a caret", () => {
  const text = `scrape_configs:
  - job_name: a
    scrape_intervall: 5s
    honor_labels: yes please
  - job_name: b
    scrape_timeout: 2m
    static_configs:
      - targets: ["http://x:1/metrics"]
    relabel_configs:
      - action: dorp
`;
  const shown = parseConfig(text).problems.map((problem) => formatProblem(problem, "c.yaml", text));
  expect(shown).toEqual([
    `c.yaml:3:5: unknown key "scrape_intervall"; did you mean "scrape_interval"?
   3 |     scrape_intervall: 5s
     |     ^`,
    `c.yaml:4:19: expected true or false, got "yes please"
   4 |     honor_labels: yes please
     |                   ^`,
    `c.yaml:6:21: expected at most scrape_interval, which is 1m
   6 |     scrape_timeout: 2m
     |                     ^`,
    `c.yaml:8:19: expected host:port; the path is metrics_path, the scheme is scheme
   8 |       - targets: ["http://x:1/metrics"]
     |                   ^`,
    expect.stringMatching(/^c\.yaml:10:17: unknown action "dorp": expected one of replace, /),
  ]);
});

const job = (fields: string) => `scrape_configs: [{ job_name: a, ${fields} }]`;

for (const { name, text, says } of [
  { name: "a job without a name", text: "scrape_configs: [{}]", says: "job_name is missing" },
  {
    name: "two jobs of one name",
    text: "scrape_configs: [{ job_name: a }, { job_name: a }]",
    says: "a second job named a",
  },
  { name: "no interval", text: job("scrape_interval: 0s"), says: "expected 1ms to 1d" },
  { name: "a day and more", text: job("scrape_interval: 25h"), says: "expected 1ms to 1d" },
  { name: "a number for a size", text: job("body_size_limit: 1000"), says: "expected a text" },
  { name: "too high a limit", text: job("label_limit: 10001"), says: "expected at most 10000" },
  { name: "too long a line", text: job("line_size_limit: 65MiB"), says: "expected at most 64MiB" },
  { name: "a negative limit", text: job("sample_limit: -1"), says: "expected 0 or more" },
  {
    name: "a label that is no name",
    text: job("static_configs: [{ targets: [a], labels: { a-b: x } }]"),
    says: "expected a label name",
  },
  {
    name: "a glob in the middle of a path",
    text: job("file_sd_configs: [{ files: ['*/a.json'] }]"),
    says: "with * only behind the last slash",
  },
  {
    name: "a file of another kind",
    text: job("file_sd_configs: [{ files: ['a.txt'] }]"),
    says: "ends in .json, .yml or .yaml",
  },
  {
    name: "a list that is read without end",
    text: job("file_sd_configs: [{ files: [a.json], refresh_interval: 0s }]"),
    says: "expected 1ms to 1d",
  },
  {
    name: "a list by another scheme",
    text: job("http_sd_configs: [{ url: 'ftp://a' }]"),
    says: "must begin with http",
  },
  {
    name: "a user without a password",
    text: job("basic_auth: { username: u }"),
    says: "expected one of password",
  },
  {
    name: "a password without a user",
    text: job("basic_auth: { password_cmd: p }"),
    says: "username is missing",
  },
  {
    name: "two sources of a token",
    text: job("authorization: { credentials_file: f, credentials_cmd: c }"),
    says: "credentials_cmd stands beside credentials_file",
  },
  {
    name: "a token from nowhere",
    text: job("authorization: { type: Bearer }"),
    says: "expected one of credentials",
  },
  { name: "another kind of token", text: job("authorization: { type: Token }"), says: "expected Bearer" },
  {
    name: "two kinds of credentials",
    text: job("scheme: https, bearer_token_file: f, basic_auth: { username: u, password_cmd: p }"),
    says: "bearer_token_file stands beside basic_auth",
  },
  {
    name: "a certificate without its key",
    text: job("tls_config: { cert_file: c }"),
    says: "cert_file and key_file go together",
  },
  {
    name: "a variable that is none",
    text: job("scheme: https, authorization: { credentials_file: '${A:-b}' }"),
    says: "expected a variable such as ${NAME}",
  },
]) {
  test(`${name} is an error`, () => {
    const { config, problems } = parseConfig(text);
    expect(config).toBeUndefined();
    expect(problems.map(({ message }) => message)).toContainEqual(expect.stringContaining(says));
  });
}

for (const { name, text, says } of [
  {
    name: "a secret in plain text",
    text: job("scheme: https, authorization: { credentials: geheim }"),
    says: "a secret in plain text",
  },
  {
    name: "credentials over plain http",
    text: job("authorization: { credentials_cmd: c }"),
    says: "readable on the way",
  },
  {
    name: "credentials for a list over plain http",
    text: job("http_sd_configs: [{ url: 'http://a', authorization: { credentials_cmd: c } }]"),
    says: "readable on the way",
  },
]) {
  test(`${name} is a warning that does not show it`, () => {
    const { config, problems } = parseConfig(text);
    expect(config).toBeDefined();
    expect(problems).toMatchObject([{ severity: "warning", message: expect.stringContaining(says) }]);
    expect(JSON.stringify(problems)).not.toContain("geheim");
  });
}

test("credentials for this very machine are no matter", () => {
  const text = job("authorization: { credentials_cmd: c }, static_configs: [{ targets: ['localhost:1'] }]");
  expect(parseConfig(text).problems).toEqual([]);
});

test("the JSON Schema has the jobs", () => {
  const schema = configJsonSchema() as { properties: Record<string, { items: { properties: object } }> };
  expect(Object.keys(schema.properties["scrape_configs"]!.items.properties)).toEqual(
    expect.arrayContaining(["job_name", "file_sd_configs", "metric_relabel_configs", "tls_config"]),
  );
});
