import { expect, test } from "vitest";
import { endpointIdentity, parseEndpoint } from "./endpoint.ts";

for (const { url, message } of [
  { url: "metrics.example.com/push", message: "url is no absolute URL" },
  { url: "/push?token=hunter2", message: "url is no absolute URL" },
  { url: "ftp://example.com", message: "url must begin with http:// or https://, not ftp:" },
  { url: "https://joe:hunter2@example.com/push", message: "url for example.com holds a user name" },
  { url: "https://hunter2@example.com/push", message: "use the setting auth" },
]) {
  test(`parseEndpoint refuses ${url}: ${message}`, () => {
    expect(() => parseEndpoint(url)).toThrow(message);
    expect(() => parseEndpoint(url)).not.toThrow("hunter2");
  });
}

test("endpointIdentity shows the address and hides the query", () => {
  const one = endpointIdentity(parseEndpoint("https://Example.com:443/push?token=hunter2#x"));
  const other = endpointIdentity(parseEndpoint("https://example.com/push?token=hunter3"));

  expect(one).toMatch(/^https:\/\/example\.com\/push\?sha256=[0-9a-f]{16}$/);
  expect(one).not.toBe(other);
  expect(endpointIdentity(parseEndpoint("http://a:9091"))).toBe("http://a:9091/");
});
