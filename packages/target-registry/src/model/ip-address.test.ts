import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseIpAddress, parseIpRange, rangeHolds } from "./ip-address.ts";

for (const [text, canonical] of [
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["FD00:0:0:0:0:0:0:1", "fd00::1"],
  ["fd00::0001", "fd00::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1::", "1::"],
  ["::ffff:10.0.0.1", "::ffff:a00:1"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
] as const) {
  test(`${text} is ${canonical}`, () => {
    expect(parseIpAddress(text)?.text).toBe(canonical);
  });
}

for (const text of [
  "",
  "localhost",
  "10.0.0",
  "10.0.0.1 ",
  " 10.0.0.1",
  "10.0.0.256",
  "010.0.0.1",
  "0x0a.0.0.1",
  "167772161",
  "10.0.0.1:80",
  "10.0.0.1\n",
  "１０.0.0.1",
  "fe80::1%eth0",
  "[::1]",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "12345::",
  ":1::",
  "1.2.3.4::",
  "g::",
]) {
  test(`${JSON.stringify(text)} is no address`, () => {
    expect(parseIpAddress(text)).toBeUndefined();
  });
}

test("agrees with the system on what an address is", () => {
  const hextet = fc.oneof(fc.constant("0"), fc.constant(""), fc.stringMatching(/^[0-9a-fA-F]{1,5}$/));
  const text = fc.oneof(
    fc.array(hextet, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(":")),
    fc
      .array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 })
      .map((parts) => parts.join(".")),
    fc.ipV4(),
    fc.ipV6(),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const parsed = parseIpAddress(candidate);
      expect(parsed?.family ?? 0).toBe(isIP(candidate));
      if (parsed !== undefined) {
        expect(parseIpAddress(parsed.text)).toEqual(parsed);
        expect(isIP(parsed.text)).toBe(parsed.family);
      }
    }),
    { numRuns: 500 },
  );
});

for (const [text, canonical] of [
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.0.0.1", "10.0.0.1/32"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["FD00::/8", "fd00::/8"],
  ["fd00::1", "fd00::1/128"],
] as const) {
  test(`${text} is the range ${canonical}`, () => {
    expect(parseIpRange(text)?.text).toBe(canonical);
  });
}

for (const text of [
  "10.0.0.1/8",
  "10.0.0.0/33",
  "10.0.0.0/08",
  "10.0.0.0/-1",
  "10.0.0.0/",
  "/8",
  "10.0.0.0/8/8",
  "fd00::/129",
]) {
  test(`${text} is no range`, () => {
    expect(parseIpRange(text)).toBeUndefined();
  });
}

test("holds what the system's block list holds", () => {
  const pair = fc.oneof(
    fc.tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.constant("ipv4" as const)),
    fc.tuple(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.constant("ipv6" as const)),
  );
  fc.assert(
    fc.property(pair, fc.boolean(), ([one, other, bits, family], near) => {
      const base = parseIpAddress(one)!;
      const host = BigInt((base.family === 4 ? 32 : 128) - bits);
      const range = { family: base.family, base: (base.value >> host) << host, bits, text: "" };
      const address = parseIpAddress(near ? one : other)!;
      const blocks = new BlockList();
      blocks.addSubnet(one, bits, family);
      expect(rangeHolds(range, address)).toBe(blocks.check(address.text, family));
    }),
    { numRuns: 300 },
  );
});
