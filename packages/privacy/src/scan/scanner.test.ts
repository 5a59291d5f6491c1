import { readFileSync } from "node:fs";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { FINDING_KINDS, type FindingKind } from "./finding.ts";
import { PATTERNS } from "./patterns.ts";
import { createScanner } from "./scanner.ts";

const HEX = "0123456789abcdef";
const WORD = "aZ09bY18cX27dW36eV45fU54gT63hS72iR81jQ90";

/** By pattern's name: what it is for, and what is much like it. */
const FIXTURES: Readonly<
  Record<string, { readonly is: readonly string[]; readonly isNot: readonly string[] }>
> = {
  "e-mail": {
    is: [
      "bob@example.com",
      "Bob <b.o-b+tag@mail.example.co.uk>",
      "mailto:bob@example.com",
      "jürgen@müller.example",
    ],
    isNot: ["lodash@4.17.21", "@types/node", "user@host", "a @ b.example", "@example.com", "50@"],
  },
  IPv4: {
    is: [
      "10.0.0.1",
      "10.0.0.1:9100",
      "http://192.168.1.20/x",
      "from 8.8.8.8.",
      "k1_10.0.0.1",
      "[::ffff:10.1.2.3]",
    ],
    isNot: ["1.2.3", "1.2.3.4.5", "256.1.1.1", "v1.2.3.4", "1.2.3.400", "0.005"],
  },
  "AWS host name": {
    is: ["ip-10-0-12-7", "ip-10-0-12-7.ec2.internal"],
    isNot: ["ip-10-0-12", "zip-1-2-3-4x"],
  },
  MAC: {
    is: ["52:54:00:12:ab:cd", "52-54-00-12-AB-CD", "dev=52:54:00:12:ab:cd,"],
    isNot: ["12:34:56", "52:54:00:12:ab:cdef", "12:34:56:78:90"],
  },
  UUID: {
    is: ["550e8400-e29b-41d4-a716-446655440000", "k1_550e8400_e29b_41d4_a716_446655440000_total"],
    isNot: ["550e8400-e29b-41d4-a716", HEX.repeat(2), "550e8400-e29b-41d4-a716-4466554400001"],
  },
  JWT: {
    is: ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "Bearer eyJhbGciOiJub25lIn0."],
    isNot: ["eyJ", "keyJhbGciOiJub25l"],
  },
  PEM: {
    is: ["-----BEGIN RSA PRIVATE KEY-----\nMIIE", "key: -----BEGIN CERTIFICATE-----"],
    isNot: ["-----", "---BEGIN X", "BEGIN PRIVATE KEY"],
  },
  "URL with user info": {
    is: ["https://bob:secret@example.com/x", "postgres://bob@db/x", "(ftp://a:b@c)"],
    isNot: ["https://example.com/@scope", "https://example.com/?to=a@b", "a://b c@d"],
  },
  "home folder": {
    is: [
      "/home/bob",
      "file:///home/bob/x",
      "/Users/bob/Library",
      "C:/Users/bob",
      "/mnt/c/Users/bob",
      "x=/export/home/bob",
    ],
    isNot: ["/home", "/home/", "/api/users/7", "https://example.com/home/page", "/homes/bob"],
  },
  "home folder of Windows": {
    is: ["C:\\Users\\bob", "C:\\\\Users\\\\bob", "D:\\Documents and Settings\\bob\\x"],
    isNot: ["C:\\Windows\\System32", "\\Users\\"],
  },
  "pod of a Deployment or Job": {
    is: [
      "api-7d4b9c6f5-x2b7k",
      "my-app.v2-5b8f6c4d7z-h9kzt",
      "backup-29012345-tq8xm",
      "pod/api-7d4b9c6f5-x2b7k.",
    ],
    isNot: ["pod-name-of-mine", "2025-10-06-12-30", "api-7d4b9c6f5", "us-east-1-large-metal"],
  },
  "pod of a DaemonSet": {
    is: ["fluentd-x2b7k", "kube-proxy-4m9zt"],
    isNot: ["nginx-https", "eth-0", "web-12", "utf-8"],
  },
  "AWS access key": {
    is: ["AKIAIOSFODNN7EXAMPLE", "k1_ASIAIOSFODNN7EXAMPLE_total"],
    isNot: ["AKIA", "AKIAiosfodnn7example"],
  },
  "GitHub token": {
    is: [`ghp_${WORD}`, `token=gho_${WORD}`, `k1_ghs_${WORD}`],
    isNot: ["ghp_total", "ghx_aaaaaaaaaaaaaaaaaaaaaaaa"],
  },
  "GitHub fine-grained token": { is: [`github_pat_${WORD}_${WORD}`], isNot: ["github_pat_count"] },
  "GitLab token": {
    is: ["glpat-aZ09bY18cX27dW36eV45", "glrt-t1_aZ09bY18cX27dW36eV45"],
    isNot: ["glpat-", "glass-half-full-of-water-x"],
  },
  "Slack token": {
    is: ["xoxb-123456789012-abcdefABCDEF", "xoxp-1234567890-1"],
    isNot: ["xoxb", "foxb-123456789012"],
  },
  "Slack app token": { is: ["xapp-1-A0123456789-abc"], isNot: ["xapp-mobile-version-two"] },
  "Slack webhook": {
    is: ["https://hooks.slack.com/services/T000/B000/XXXX"],
    isNot: ["https://hooks.slack.com/docs/index"],
  },
  "Google API key": { is: ["AIzaSyA1234567890abcdefghijklmnopqrstuv_"], isNot: ["AIzawa"] },
  "Google OAuth token": { is: ["ya29.a0AfH6SMBx1234567890abcdef"], isNot: ["ya29.x"] },
  "Google client secret": { is: ["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"], isNot: ["GOCSPX-short"] },
  "Stripe key": {
    is: ["sk_live_aZ09bY18cX27dW36eV45", "k1_rk_test_aZ09bY18cX27dW36"],
    isNot: ["sk_live_total", "task_live_aZ09bY18cX27dW36eV45"],
  },
  "Stripe webhook secret": { is: ["whsec_aZ09bY18cX27dW36eV45fU54gT63"], isNot: ["whsec_x"] },
  "npm token": {
    is: [`npm_${WORD}`],
    isNot: ["npm_install_duration_seconds", "npm_config_registry_of_the_whole_company"],
  },
  "PyPI token": { is: [`pypi-AgEIcHlwaS5vcmc${WORD}`], isNot: ["pypi-download-statistics"] },
  "SendGrid key": {
    is: ["SG.aZ09bY18cX27dW36eV45fU.aZ09bY18cX27dW36eV45fU54gT63hS72iR81jQ90abc"],
    isNot: ["SG.small.change"],
  },
  "Twilio key": { is: [`SK${HEX.repeat(2)}`, `AC${HEX.repeat(2)}`], isNot: ["SKIP", "ACCEPTED"] },
  "OpenAI or Anthropic key": {
    is: [`sk-${WORD}`, `sk-ant-api03-${WORD}`],
    isNot: ["sk-learn", `task-${WORD}`],
  },
  "Hugging Face token": { is: [`hf_${WORD}`], isNot: ["hf_hub_downloads_total"] },
  "HashiCorp Vault token": { is: [`hvs.${WORD}`], isNot: ["hvs.x"] },
  "DigitalOcean token": { is: [`dop_v1_${HEX.repeat(4)}`], isNot: ["dop_v1_requests"] },
  "Docker token": { is: [`dckr_pat_${WORD}`], isNot: ["dckr_pat_"] },
  "Grafana token": { is: [`glsa_${WORD}`, `glc_${WORD}`], isNot: ["glc_total"] },
  "Shopify token": { is: [`shpat_${HEX.repeat(2)}`], isNot: ["shpat_"] },
};

const scan = createScanner();

for (const { name, kind } of PATTERNS) {
  test(`the pattern ${name} finds what it is for and nothing that is much like it`, () => {
    const { is, isNot } = FIXTURES[name]!;
    expect(is.filter((text) => !scan(text).includes(kind))).toEqual([]);
    expect(isNot.filter((text) => scan(text).includes(kind))).toEqual([]);
    expect(is.length * isNot.length).toBeGreaterThan(0);
  });
}

test("there are fixtures for every pattern and for nothing else", () => {
  expect(Object.keys(FIXTURES)).toEqual(PATTERNS.map(({ name }) => name));
});

for (const { text, kinds } of [
  { text: "2001:db8::8a2e:370:7334", kinds: ["ip"] },
  { text: "[fe80::1%eth0]:9100", kinds: ["ip"] },
  { text: "::1", kinds: ["ip"] },
  { text: "2001:db8:0:0:0:0:2:1", kinds: ["ip"] },
  { text: "std::string, abc::def, ::, 12:34:56", kinds: [] },
  { text: "job:http_requests:rate5m", kinds: [] },
  { text: "bob@example.com at 10.0.0.1", kinds: ["email", "ip"] },
  { text: "pods", kinds: [] },
  { text: "", kinds: [] },
  { text: "x".repeat(4_096), kinds: [] },
  { text: "x".repeat(4_097), kinds: ["too_long"] },
] satisfies { text: string; kinds: FindingKind[] }[]) {
  test(`in ${JSON.stringify(text.slice(0, 40))} of ${text.length} there is ${kinds.join(" and ") || "nothing"}`, () => {
    expect(scan(text)).toEqual(kinds);
  });
}

test("names of this machine are found as whole words, whatever their case", () => {
  const own = createScanner({ ownNames: ["Bobs-Laptop", "bob", "prod-eu"] });
  const isFound = (text: string) => own(text).includes("own_name");
  expect(["bobs-laptop", "on BOB's machine", "k1_bob_total", "cluster/prod-eu"].map(isFound)).not.toContain(
    false,
  );
  expect(["bobsled", "prod-europe", "kebob", ""].map(isFound)).not.toContain(true);
});

test("a text made to be slow takes no longer than its length", () => {
  const slow = ["@a", "a@", "a-", "://", "/home", "eyJ", "1.", "::", "-----", "a.a-", "x2b7k-", "\\Users"];
  for (const piece of slow) {
    const text = piece.repeat(Math.floor(4_096 / piece.length));
    const startMs = performance.now();
    scan(text);
    expect(performance.now() - startMs, piece).toBeLessThan(200);
  }
});

test("in a node exporter's page nothing is found but what it is there to say", () => {
  const page = readFileSync(
    new URL("../../../../bench/src/pages/node-exporter.prom", import.meta.url),
    "utf8",
  );
  const found = new Set<string>();
  for (const family of parseExposition(page, { format: "prometheus" })) {
    const note = (where: string, text: string) => {
      for (const kind of scan(text)) found.add(`${family.name} ${where} ${kind}`);
    };
    note("HELP", family.help);
    for (const { name, labels } of family.series) {
      note("name", name);
      for (const label of labels) {
        note("label", label.name);
        note(label.name, label.value);
      }
    }
  }
  expect([...found].sort()).toEqual(Object.keys(TRUE_FINDINGS).sort());
});

/** What the scanner is right about in that page. */
const TRUE_FINDINGS: Readonly<Record<string, string>> = {};

test("every kind can be found", () => {
  const withOwn = createScanner({ ownNames: ["bob"] });
  const texts = [...Object.values(FIXTURES).flatMap(({ is }) => is), "bob", "x".repeat(5_000)];
  expect(new Set(texts.flatMap((text) => withOwn(text)))).toEqual(new Set(FINDING_KINDS));
});
