import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeUserData } from "../merge-user-data.ts";
import { readMultipart, writeMultipart } from "../mime.ts";
import { UserDataError } from "../user-data-error.ts";
import { lintUserData } from "./lint-user-data.ts";

const PIECES = [
  ..."#cloud-config\n|## template: jinja\n|#!/bin/sh\n|MIME-Version: 1.0\n|Content-Type: multipart/mixed; boundary=b\n|--b\n|--b--\n|\n\n".split(
    "|",
  ),
  ..."packages:|runcmd:|write_files:| |\n|  |- |\t|\\|\\\n|[|]|{|}|{{|}}|{%|%}|{#|'|\"|`|$(|<<E|E\n|docker run |-p |80:80 |curl x| sh|: |permissions: 0600|content: \\|\n|&a|*a|!!binary |é|\r\n|\u0000".split(
    "|",
  ),
];
const userData = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(""));

test("any text is linted without a throw, and every place is in it", () => {
  fc.assert(
    fc.property(userData, (text) => {
      const lines = text.split("\n");
      for (const { line, column } of lintUserData(text, { os: "debian", provider: "ec2" })) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
      }
    }),
    { numRuns: 1000 },
  );
});

test("any text is merged byte for byte or refused", () => {
  fc.assert(
    fc.property(userData, (text) => {
      let merged: string;
      try {
        merged = mergeUserData("#cloud-config\na: 1\n", text);
      } catch (error) {
        expect(error).toBeInstanceOf(UserDataError);
        return;
      }
      if (text.trim() !== "" && !text.toLowerCase().includes("mime-version:")) {
        expect(readMultipart(merged).map(({ content }) => content)).toEqual([text, "#cloud-config\na: 1\n"]);
      }
    }),
    { numRuns: 1000 },
  );
});

test("what is written as a message is read as it was", () => {
  const part = fc.record({
    type: fc.constant("text/x-shellscript"),
    filename: fc.constant("a"),
    content: fc.string({ unit: "grapheme", maxLength: 200 }),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      expect(readMultipart(writeMultipart(parts)).map(({ content }) => content)).toEqual(
        parts.map(({ content }) => content),
      );
    }),
  );
});

const SIZE = 64 * 1024;
for (const { name, text } of [
  { name: "hyphens", text: `#!/bin/sh\n${"a-".repeat(SIZE / 2)}` },
  { name: "open tags", text: `## template: jinja\n#cloud-config\n${"{{".repeat(SIZE / 2)}` },
  { name: "words in a block", text: `#cloud-config\nruncmd:\n  - |\n${"    a b c d\n".repeat(SIZE / 12)}` },
  { name: "words in a folded scalar", text: `#cloud-config\nruncmd:\n  - ${"a ".repeat(SIZE / 2)}` },
  { name: "brackets", text: `#cloud-config\na: ${"[".repeat(SIZE)}` },
  { name: "maps", text: `#cloud-config\n${"{a: ".repeat(SIZE / 4)}` },
  {
    name: "nested messages",
    text: 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n'.repeat(900),
  },
  { name: "pipes", text: `#!/bin/sh\n${"curl|".repeat(SIZE / 5)}` },
  { name: "shells", text: `#!/bin/sh\n${"sh ".repeat(SIZE / 3)}` },
  { name: "spaces after a name", text: `#!/bin/sh\ntoken${" ".repeat(SIZE)}` },
  { name: "empty lines", text: `#cloud-config\na: |\n${"\n".repeat(SIZE)}` },
]) {
  test(`64 KiB of ${name} are linted without hanging, however busy the machine`, { timeout: 60_000 }, () => {
    const start = performance.now();
    lintUserData(text);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
}
