import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { mergeUserData } from "./merge-user-data.ts";
import { readMultipart } from "./mime.ts";

const OURS = "## template: jinja\n#cloud-config\nmerge_how: x\n";

for (const { name, users, type } of [
  { name: "a cloud-config", users: "#cloud-config\npackages: [a]\n", type: "text/cloud-config" },
  { name: "one without a last line end", users: "#cloud-config\npackages: [a]", type: "text/cloud-config" },
  { name: "one after empty lines", users: "\n\n#Cloud-Config\npackages: [a]\n", type: "text/cloud-config" },
  { name: "a script with carriage returns", users: "#!/bin/sh\r\necho\r\n", type: "text/x-shellscript" },
  {
    name: "a script in another language",
    users: "#!/usr/bin/python3\nprint('grün')\n",
    type: "text/x-shellscript",
  },
  { name: "an include", users: "#include\nhttps://example.com\n", type: "text/x-include-url" },
  {
    name: "an include that is fetched once",
    users: "#include-once\nhttps://example.com\n",
    type: "text/x-include-once-url",
  },
  { name: "a boothook", users: "#cloud-boothook\necho\n", type: "text/cloud-boothook" },
  { name: "a part handler", users: "#part-handler\n", type: "text/part-handler" },
  { name: "an archive", users: "#cloud-config-archive\n- a\n", type: "text/cloud-config-archive" },
  { name: "a patch", users: "#cloud-config-jsonp\n[]\n", type: "text/cloud-config-jsonp" },
  {
    name: "a template",
    users: "## template: jinja\n#cloud-config\na: {{ v1.region }}\n",
    type: "text/jinja2",
  },
]) {
  test(`${name} of the user's comes first, byte for byte, as what it is`, () => {
    const parts = readMultipart(mergeUserData(OURS, users));
    expect(parts.map(({ type, content }) => ({ type, content }))).toEqual([
      { type, content: users },
      { type: "text/jinja2", content: OURS },
    ]);
  });
}

test("a multi-part message of the user's is nested whole", () => {
  const message = mergeUserData("#cloud-config\na: 1\n", "#!/bin/sh\n");
  const merged = mergeUserData(OURS, message);
  expect(merged).toContain(message);
  expect(readMultipart(merged).map(({ type }) => type)).toEqual([
    "text/x-shellscript",
    "text/cloud-config",
    "text/jinja2",
  ]);
});

test("compressed user data is unpacked first", () => {
  expect(readMultipart(mergeUserData(OURS, gzipSync("#!/bin/sh\n")))[0]?.content).toBe("#!/bin/sh\n");
});

test.each(["", "\n ", new Uint8Array()])("%j of the user's leaves ours alone", (users) => {
  expect(mergeUserData(OURS, users)).toBe(OURS);
});

for (const { name, users, finding } of [
  {
    name: "without a first line",
    users: "packages: [a]\n",
    finding: { code: "missing-header", line: 1, column: 1 },
  },
  { name: "that is no YAML", users: "#cloud-config\na: [\n", finding: { code: "yaml-syntax", line: 3 } },
  { name: "that is no mapping", users: "#cloud-config\n- a\n", finding: { code: "yaml-syntax" } },
  {
    name: "indented by tab",
    users: "#cloud-config\na:\n\tb: 1\n",
    finding: { code: "tab-indentation", line: 3, column: 1 },
  },
]) {
  test(`a part ${name} is refused with the place`, () => {
    expect(() => mergeUserData(OURS, users)).toThrow(
      expect.objectContaining({ code: "ERR_USER_DATA_PART", findings: [expect.objectContaining(finding)] }),
    );
  });
}

test("bytes that are no text are refused", () => {
  expect(() => mergeUserData(OURS, Uint8Array.of(0x23, 0xff))).toThrow(
    expect.objectContaining({ code: "ERR_USER_DATA_PART" }),
  );
});

test("a bomb is not unpacked", () => {
  expect(() => mergeUserData(OURS, gzipSync(Buffer.alloc(5 * 1024 * 1024)))).toThrow(
    expect.objectContaining({ code: "ERR_USER_DATA_PART" }),
  );
});
