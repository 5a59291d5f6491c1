import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashSecret } from "@promferry/target-registry";
import { expect, test } from "vitest";
import { addToken, mintToken, openTokenFile, parseTokenFile } from "./token-file.ts";

const SHA = "a".repeat(64);

test("a file of tokens made here is read again, each to its role", () => {
  const platform = mintToken({ role: "platform", name: "cloud" });
  const registrar = mintToken({ role: "registrar", name: "ci", project: "p-1", ranges: ["10.0.0.0/8"] });
  const reader = mintToken({ role: "reader", name: "prom", project: "123", endpoints: ["node", "app"] });
  const entries = parseTokenFile(`tokens:\n${platform.lines}${registrar.lines}${reader.lines}`);
  expect(entries.map(({ caller }) => caller)).toEqual([
    { role: "platform", name: "cloud" },
    { role: "registrar", name: "ci", project: "p-1", ranges: ["10.0.0.0/8"] },
    { role: "reader", name: "prom", project: "123", endpoints: ["node", "app"] },
  ]);
  expect(entries[0]!.sha256).toBe(hashSecret(platform.text));
  expect(platform.lines).not.toContain(platform.text);
});

test("a name or project that YAML would take for something else is read again as it is", () => {
  const names = ["123", "true", "null", "1e5", "2026-11-22"];
  const lines = names.map((name) => mintToken({ role: "registrar", name, project: name }).lines).join("");
  expect(parseTokenFile(`tokens:\n${lines}`).map(({ caller }) => caller)).toEqual(
    names.map((name) => ({ role: "registrar", name, project: name })),
  );
});

test.each([
  [
    "tokens:\n  - {name: a, role: king, sha256: x}",
    "2:21: expected platform, registrar or reader\n2:35: expected the SHA-256",
  ],
  [`tokens:\n  - {name: a, role: platform, sha256: ${SHA}, password: b}`, "unknown key"],
  [`tokens:\n  - {name: a, role: registrar, sha256: ${SHA}}`, "a registrar has a project"],
  [`tokens:\n  - {name: a, role: platform, project: p, sha256: ${SHA}}`, "that is a registrar"],
  [`tokens:\n  - {name: a, role: platform, endpoints: [node], sha256: ${SHA}}`, "only a reader"],
  [`tokens:\n  - {name: a, role: reader, project: "a b", sha256: ${SHA}}`, "a project's id"],
  [
    `tokens:\n  - {name: a, role: reader, sha256: ${SHA}}\n  - {name: b, role: reader, sha256: ${SHA}}`,
    "twice",
  ],
  [`tokens:\n  - {name: a, sha256: ${SHA}}`, "2:5: expected name, role and sha256"],
  [
    `tokens:\n  - {name: a, role: reader, ranges: [10.0.0.0/8], sha256: ${SHA}}`,
    "only a registrar has ranges",
  ],
  [
    `tokens:\n  - {name: a, role: registrar, project: p, ranges: [10.0.0.1/8], sha256: ${SHA}}`,
    "a CIDR range",
  ],
  ["tokens: [", "not valid YAML"],
  ["- a", "expected a mapping"],
])("%s is refused", (text, message) => {
  expect(() => parseTokenFile(text)).toThrow(message);
});

test("the file rotates while the service runs; a broken one changes nothing; what expired is unknown", async ({
  onTestFinished,
}) => {
  const dir = await mkdtemp(join(tmpdir(), "token-file-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const path = join(dir, "tokens.yaml");
  const clock = { at: 0 };
  const first = mintToken({ role: "reader", name: "a" });
  const second = mintToken({ role: "reader", name: "b" });
  await addToken(path, first.lines);
  const errors: string[] = [];
  const tokens = await openTokenFile(path, {
    now: () => clock.at,
    onError: ({ message }) => void errors.push(message),
  });
  const known = async () => [
    (await tokens.find(hashSecret(first.text))) !== undefined,
    (await tokens.find(hashSecret(second.text))) !== undefined,
  ];
  expect(await known()).toEqual([true, false]);
  await writeFile(path, `tokens:\n${second.lines}    expires: 1970-01-01T00:01:00Z\n`);
  expect(await known()).toEqual([true, false]);
  clock.at += 1_000;
  expect(await known()).toEqual([false, true]);
  await writeFile(path, "tokens: nonsense");
  clock.at += 1_000;
  expect(await known()).toEqual([false, true]);
  await rm(path);
  // Told once, however often it is looked for.
  for (let i = 0; i < 3; i++) {
    clock.at += 1_000;
    expect(await known()).toEqual([false, true]);
  }
  expect(errors).toEqual([
    expect.stringContaining("1:9: expected a list"),
    expect.stringContaining("ENOENT"),
  ]);
  clock.at = 60_000;
  expect(await known()).toEqual([false, false]);
  await addToken(path, first.lines);
  await addToken(path, second.lines);
  const text = await readFile(path, "utf8");
  expect(parseTokenFile(text)).toHaveLength(2);
  expect(text).not.toContain(first.text);
  await expect(addToken(path, second.lines)).rejects.toThrow("twice");
  expect(await readFile(path, "utf8")).toBe(text);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});
