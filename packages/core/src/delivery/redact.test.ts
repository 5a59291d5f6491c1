import { expect, test } from "vitest";
import { createRedactor } from "./redact.ts";

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

for (const { name, authorization, text, expected } of [
  { name: "nothing without a credential", authorization: undefined, text: "as is", expected: "as is" },
  {
    name: "the longest form first",
    authorization: "Bearer tok-1",
    text: "got Bearer tok-1, not tok-1x",
    expected: "got [redacted], not [redacted]x",
  },
  {
    name: "what Basic packs",
    authorization: basic("joe:pass:word"),
    text: `${basic("joe:pass:word")} is joe:pass:word is pass:word`,
    expected: "[redacted] is [redacted] is [redacted]",
  },
  { name: "no empty password", authorization: basic("joe:"), text: "joe: hi", expected: "[redacted] hi" },
]) {
  test(`createRedactor takes out ${name}`, () => {
    expect(createRedactor(authorization)(text)).toBe(expected);
  });
}

test("createRedactor takes out long header values and leaves names such as k1", () => {
  const redact = createRedactor(undefined, { "X-Source": "k1", "X-Key": "0123456789" });
  expect(redact("k1 sent 0123456789")).toBe("k1 sent [redacted]");
});

test("createRedactor takes out a query, whole and by its longer values, written either way", () => {
  const redact = createRedactor(undefined, {}, new URL("http://a.test/x?db=k1&key=s3cret/key").searchParams);
  expect(redact("no /x?db=k1&key=s3cret%2Fkey for k1: s3cret/key, s3cret%2Fkey")).toBe(
    "no /x?[redacted] for k1: [redacted], [redacted]",
  );
});
