import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { encodeUserData } from "./encode-user-data.ts";
import { base64Size, type Provider } from "./provider.ts";

/** Text of so many bytes that gzip can't make much smaller; its seed is fixed. */
function noise(bytes: number): string {
  let state = 1;
  const next = () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (state % 94));
  };
  return Array.from({ length: bytes }, next).join("");
}

for (const { provider, bytes, outcome } of [
  { provider: "ec2", bytes: 16_384, outcome: "plain" },
  { provider: "ec2", bytes: 16_385, outcome: "gzip" },
  { provider: "ec2", bytes: 24_000, outcome: "refused" },
  { provider: "nova", bytes: 49_149, outcome: "plain" },
  { provider: "nova", bytes: 49_152, outcome: "gzip" },
  { provider: "nova", bytes: 70_000, outcome: "refused" },
  { provider: "gce", bytes: 262_144, outcome: "plain" },
  { provider: "gce", bytes: 262_145, outcome: "refused" },
  { provider: "azure", bytes: 65_536, outcome: "plain" },
  { provider: "azure", bytes: 65_537, outcome: "gzip" },
] as readonly { provider: Provider; bytes: number; outcome: string }[]) {
  test(`${bytes} bytes for ${provider}: ${outcome}`, () => {
    const text = noise(bytes);
    if (outcome === "refused") {
      expect(() => encodeUserData(text, provider)).toThrow(
        expect.objectContaining({ code: "ERR_USER_DATA_TOO_LARGE" }),
      );
      return;
    }
    const encoded = encodeUserData(text, provider);
    expect(encoded).toMatchObject({
      encoding: outcome,
      limitVerified: provider === "ec2" || provider === "nova",
    });
    const plain = encoded.encoding === "gzip" ? gunzipSync(encoded.bytes) : Buffer.from(encoded.bytes);
    expect(plain.toString()).toBe(text);
    expect(encoded.base64Bytes).toBe(Buffer.from(encoded.bytes).toString("base64").length);
  });
}

test.each([0, 1, 2, 3, 4, 49_149])("%i bytes are as long in base64 as Node makes them", (bytes) => {
  expect(base64Size(bytes)).toBe(Buffer.alloc(bytes).toString("base64").length);
});
